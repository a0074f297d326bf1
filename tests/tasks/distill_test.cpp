// Students from their teacher to the pictures that they draw_student.

#include <torch/torch.h>

#include <map>

#include "distill/flowar_student.h"
#include "distill/flowar_teacher.h"
#include "distill/mar_teacher.h"
#include "distill/student_builder.h"
#include "distill/student_generator.h"
#include "image/flowar_sampler.h"
#include "registry/registry.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"
#include "support/resumed_runs.h"

using namespace arzoo;
using test::TempDir;
using test::train;
namespace fs = std::filesystem;

namespace {

plan::TrainTask distill_task(const std::string& name, const fs::path& out,
                             const std::vector<std::string>& set = {}) {
  return test::committed_task("distill/" + name, out, set);
}

/// A config's training to its end, once for all cases that only read the run.
struct Trained {
  TempDir folder;
  fs::path run;
  Json result;
};
const Trained& trained(const std::string& name) {
  static std::map<std::string, Trained> runs;
  auto& run = runs[name];
  if (run.result.is_null()) {
    run.run = run.folder / "run";
    run.result = train(distill_task(name, run.run));
  }
  return run;
}

/// The file of a config's trajectories, written by one step of training.
const fs::path& trajectories_of(const std::string& name) {
  static const TempDir folder;
  static std::map<std::string, fs::path> files;
  auto& file = files[name];
  if (file.empty()) {
    file = folder / (name + ".safetensors");
    auto task = distill_task(name, folder / name, {"training.max_steps=1"});
    task.config["data"]["trajectories"] = file.string();
    train(task);
  }
  return file;
}

runtime::ImageSource source_of(const fs::path& model) {
  runtime::ImageSource source;
  source.model = model;
  return source;
}

at::Tensor sample_student(const runtime::ImageSource& source, const Json& options) {
  const auto generator = registry::open_image_generator(source, options, {});
  return generator->sample({at::tensor({int64_t{7}, int64_t{8}}), {1, 2}}, [](int64_t, const auto&) {});
}

}  // namespace

TEST_CASE("a distillation, interrupted at any step and resumed, is the one that was not") {
  const auto [name, at_step] = GENERATE(table<const char*, int64_t>({{"dd1_var_tiny", 2},
                                                                     {"dd1_var_tiny", 7},
                                                                     {"dd2_var_tiny", 2},
                                                                     {"dd2_var_tiny", 5},
                                                                     {"dd2_var_tiny", 7},
                                                                     {"dd1_flowar_tiny", 7},
                                                                     {"dd2_flowar_tiny", 5},
                                                                     {"dd1_mar_tiny", 3}}));
  INFO(name << " at " << at_step);
  const TempDir temp;
  auto task = distill_task(name, temp / "run");
  // The trajectories are there already: making them is not what is interrupted here.
  task.config["data"]["trajectories"] = trajectories_of(name).string();
  test::train_interrupted(task, at_step);
  test::check_same_run(temp / "run", trained(name).run);
  CHECK_THAT(test::read_file(temp / "run/report.html"),
             ContainsSubstring("its teacher, from the same noise"));
}

TEST_CASE("a student generates pictures without its teacher, in one step or two") {
  const auto* name =
      GENERATE("dd1_var_tiny", "dd2_var_tiny", "dd1_flowar_tiny", "dd2_flowar_tiny", "dd1_mar_tiny");
  INFO(name);
  const auto& [folder, run, result] = trained(name);
  CHECK(result["test"].contains("distance"));
  CHECK(result["test"].contains("distance_2"));
  const auto source = source_of(run);
  const auto generator = registry::open_image_generator(source, {}, {});
  CHECK(generator->class_names().at(7) == "sneaker");
  CHECK(generator->channels() == 1);
  CHECK(generator->settings()["steps"] == 1);
  const auto one = sample_student(source, {});
  CHECK(one.sizes() == at::IntArrayRef({2, 3, 28, 28}));
  CHECK(at::equal(one, sample_student(source, {})));
  Json options = Json::object();
  options["steps"] = 2;
  CHECK_FALSE(at::allclose(one, sample_student(source, options)));
  options["steps"] = 3;
  CHECK_THROWS_WITH(sample_student(source, options),
                    ContainsSubstring("--steps: 3 steps, this student generates in 1 or 2"));
  options = Json::object();
  options["cfg"] = 2.0;
  CHECK_THROWS_WITH(sample_student(source, options),
                    ContainsSubstring("--cfg: means nothing to a distilled student"));
}

TEST_CASE("a student in bf16 generates nearly the same picture") {
  const auto* name =
      GENERATE("dd1_var_tiny", "dd2_var_tiny", "dd1_flowar_tiny", "dd2_flowar_tiny", "dd1_mar_tiny");
  INFO(name);
  const auto& run = trained(name).run;
  const auto exact = sample_student(source_of(run), {});
  runtime::Compute narrow;
  narrow.dtype = at::kBFloat16;
  const auto generator = registry::open_image_generator(source_of(run), {}, narrow);
  const auto pictures =
      generator->sample({at::tensor({int64_t{7}, int64_t{8}}), {1, 2}}, [](int64_t, const auto&) {});
  CHECK((pictures - exact).abs().mean().item<double>() < 0.1);
}

TEST_CASE("a teacher helps a student between its two steps") {
  auto source = source_of(trained("dd1_var_tiny").run);
  Json options = Json::object();
  options["steps"] = 2;
  const auto alone = sample_student(source, options);
  source.teacher = test::source_dir() / "data/fashion";
  for (const int64_t scales : {1, 2}) {
    source.teacher_scales = scales;
    CHECK_FALSE(at::allclose(alone, sample_student(source, options)));
  }
  CHECK(registry::open_image_generator(source, {}, {})->settings()["teacher_steps"] == 2);
  source.teacher_scales = 3;
  CHECK_THROWS_WITH(sample_student(source, options),
                    ContainsSubstring("--teacher-steps: 3 scales, there are 2"));
  options["steps"] = 1;
  CHECK_THROWS_AS(sample_student(source, options), UsageError);
  source.model = trained("dd2_var_tiny").run;
  CHECK_THROWS_WITH(sample_student(source, {}),
                    ContainsSubstring("--teacher: requires a student of Distilled Decoding 1"));
  source.model = test::source_dir() / "data/fashion";
  CHECK_THROWS_WITH(sample_student(source, {}), ContainsSubstring("is no student"));
}

TEST_CASE("weights under the official names are a student without anything else, given its tokenizer") {
  const TempDir temp;
  const auto model = trained("dd1_var_tiny").run / "model";
  fs::copy_file(model / "model.safetensors", temp / "var-d4.safetensors");
  auto source = source_of(temp / "var-d4.safetensors");
  CHECK(distill::is_published(source.model));
  CHECK_THROWS_WITH(sample_student(source, {}), ContainsSubstring("--vae: needed"));
  source.vae = model / "vae";
  CHECK(sample_student(source, {}).isfinite().all().item<bool>());
}

TEST_CASE("trajectories are made once, and those of another teacher are refused") {
  const TempDir temp;
  const auto file = temp / "pairs.safetensors";
  auto task = distill_task("dd1_var_tiny", temp / "one");
  task.config["data"]["trajectories"] = file.string();
  train(task);
  const auto written = fs::last_write_time(file);
  task.out = temp / "two";
  train(task);
  CHECK(fs::last_write_time(file) == written);
  const auto ids = runtime::open_tensors(file).at("ids");
  CHECK(ids.sizes() == at::IntArrayRef({20, 70}));
  task.out = temp / "three";
  task.config["data"]["cfg"] = 3.0;
  CHECK_THROWS_WITH(train(task), ContainsSubstring("trajectories of another kind: cfg is 1.5, expected 3.0"));
  runtime::write_safetensors(file, {{"ids", ids.clone()}}, {{"identity", std::string(100000, '[')}});
  task.out = temp / "four";
  CHECK_THROWS_AS(train(task), CheckpointError);
  task.out = temp / "five";
  CHECK_THROWS_WITH(train(task),
                    ContainsSubstring("metadata: identity: line 1, column 65: nested deeper than 64 levels"));
}

TEST_CASE("a teacher that is not there, or another one, is refused at the key") {
  const TempDir temp;
  auto task = distill_task("dd1_var_tiny", temp / "run");
  task.config["data"]["teacher"] = "";
  CHECK_THROWS_WITH(train(task), ContainsSubstring("/data/teacher: a student needs its teacher"));
  task = distill_task("dd2_var_tiny", temp / "run", {"model.var.depth=3"});
  CHECK_THROWS_WITH(train(task), ContainsSubstring("/model/var/depth: 3, but the teacher in"));
  task = distill_task("dd2_var_tiny", temp / "run", {"model.var.vae.z_channels=8"});
  CHECK_THROWS_WITH(train(task), ContainsSubstring("/model/var/vae/z_channels: 8, but the teacher in"));
  CHECK_THROWS_AS(distill_task("dd2_var_tiny", temp / "run", {"model.second_step=4"}), ConfigError);
  task = distill_task("dd1_flowar_tiny", temp / "run", {"model.flowar.encoder_depth=2"});
  CHECK_THROWS_WITH(train(task), ContainsSubstring("/model/flowar/encoder_depth: 2, but the teacher in"));
  task = distill_task("dd2_flowar_tiny", temp / "run", {"data.top_k=5"});
  CHECK_THROWS_WITH(train(task), ContainsSubstring("/data/top_k: a flowar generates continuous tokens"));
  task = distill_task("dd2_flowar_tiny", temp / "run");
  task.config["data"]["teacher"] = (test::source_dir() / "data/fashion").string();
  CHECK_THROWS_WITH(train(task), ContainsSubstring("a model \"var\", expected \"flowar\""));
}

TEST_CASE("the generator of Distilled Decoding 2 takes over the tuned network once") {
  const TempDir temp;
  train(distill_task("dd2_var_tiny", temp / "run", {"model.tuning_steps=3", "training.max_steps=4"}));
  const auto weights = runtime::open_tensors(temp / "run/last/model.safetensors");
  // The fourth step is the guidance network's: the generator is still what was copied.
  bool moved = false;
  for (const auto& [name, tensor] : weights) {
    if (!name.starts_with("gen.")) continue;
    moved = moved || !at::equal(tensor, weights.at("gui." + name.substr(4)));
  }
  CHECK(moved);
  train(distill_task("dd2_var_tiny", temp / "tuned", {"model.tuning_steps=3", "training.max_steps=3"}));
  const auto tuned = runtime::open_tensors(temp / "tuned/last/model.safetensors");
  for (const auto& [name, tensor] : weights) {
    if (!name.starts_with("gen.")) continue;
    INFO(name);
    CHECK(at::equal(tensor, tuned.at("gui." + name.substr(4))));
  }
}

TEST_CASE("the first stage's model is no result, the second one's best is") {
  const TempDir temp;
  const auto run = [&](const char* steps) {
    return train(distill_task(
        "dd2_flowar_tiny", temp / steps,
        {"model.tuning_steps=4", "training.epochs=3", std::string("training.max_steps=") + steps}));
  };
  const auto all = run("12");
  CHECK(all["best"]["epoch"].get<int64_t>() > 1);
  CHECK(all["best"]["val"].contains("distance"));
  // One that never came to the second stage still has a model.
  const auto first = run("4");
  CHECK(first["test"].contains("distance"));
  CHECK(fs::exists(temp / "4/model/model.safetensors"));
}

TEST_CASE("a FlowAR's generator follows the flow first, then the two networks take turns") {
  const TempDir temp;
  const auto after = [&](int64_t steps) {
    const auto out = temp / std::to_string(steps);
    train(distill_task("dd2_flowar_tiny", out,
                       {"model.tuning_steps=2", "model.trajectory_weight=1",
                        "training.max_steps=" + std::to_string(steps)}));
    return runtime::open_tensors(out / "last/model.safetensors");
  };
  const auto tuned = after(2), guided = after(3), taught = after(4);
  const auto moved = [](const runtime::NamedTensors& from, const runtime::NamedTensors& to,
                        std::string_view network) {
    int64_t count = 0;
    for (const auto& [name, tensor] : from) {
      if (name.starts_with(network) && !at::equal(tensor, to.at(name))) ++count;
    }
    return count;
  };
  CHECK(moved(tuned, guided, "gui.") > 0);
  CHECK(moved(tuned, guided, "gen.") == 0);
  CHECK(moved(guided, taught, "gui.") == 0);
  CHECK(moved(guided, taught, "gen.") > 0);
}

TEST_CASE("published configs of students are complete") {
  const auto* name =
      GENERATE("dd1_var_fashion", "naive_var_fashion", "dd2_var_fashion", "dd1_var_imagenet256",
               "dd1_flowar_fashion", "naive_flowar_fashion", "dd2_flowar_fashion", "dd1_mar_fashion");
  CHECK_NOTHROW(distill_task(name, "anywhere"));
}

TEST_CASE("a trajectory ends at the teacher's sample for the same seed") {
  const auto config = distill_task("dd1_flowar_tiny", "anywhere").config;
  const distill::FlowArTeacher teacher(Config(config, "test"), {});
  distill::FlowArStudent student(teacher.model().options(), 3, teacher.vae(), /*with_guidance=*/false);
  const auto labels = at::tensor({int64_t{2}, int64_t{9}});
  const torch::NoGradGuard no_grad;
  const auto ends = teacher.ends(labels, student.noise({5, 6}), /*ode_steps=*/4);
  CHECK_NOTHROW(teacher.check_ends(ends, 2, "file"));
  CHECK_THROWS_AS(teacher.check_ends(ends.narrow(1, 0, 20), 2, "file"), CheckpointError);
  auto sampling = image::flow_sampling({}, teacher.folder().sampling);
  sampling.num_steps = 4;
  const auto sampled = image::sample_latents(teacher.model(), labels, sampling,
                                             image::seeded_flow_noise(teacher.model(), {5, 6}, 1.0));
  CHECK(at::allclose(student.latents(ends), sampled, 1e-4, 1e-4));
}

TEST_CASE("a teacher's mean is its own flow's, with guidance that grows with the scale") {
  auto task = distill_task("dd2_flowar_tiny", "anywhere", {"data.cfg=1"});
  const distill::FlowArTeacher plain(Config(task.config, "test"), {});
  task.config["data"]["cfg"] = 3.0;
  const distill::FlowArTeacher guided(Config(task.config, "test"), {});
  torch::manual_seed(4);
  const auto labels = at::tensor({int64_t{2}, int64_t{9}});
  const auto tokens = at::randn({2, 70, 4}), q_t = at::randn({2, 70, 4});
  const auto half = at::full({2, 70, 1}, 0.5);
  const torch::NoGradGuard no_grad;
  const auto states = plain.model().states(labels, tokens);
  const auto expected = q_t - half * plain.model().velocity(q_t, half, states);
  CHECK(at::allclose(plain.mean(labels, tokens)(q_t, half), expected, 1e-3, 1e-4));
  const auto with = guided.mean(labels, tokens)(q_t, half);
  CHECK(at::allclose(with.narrow(1, 0, 1), expected.narrow(1, 0, 1), 1e-3, 1e-4));
  CHECK_FALSE(at::allclose(with.narrow(1, 21, 49), expected.narrow(1, 21, 49), 1e-2, 1e-2));
  // Close to noise the class does not guide.
  const auto noisy = at::full({2, 70, 1}, 0.95);
  CHECK(at::allclose(guided.mean(labels, tokens)(q_t, noisy), plain.mean(labels, tokens)(q_t, noisy), 1e-4,
                     1e-5));
}

TEST_CASE("a MAR's trajectory follows its head's flow in one order, whatever the rest of the batch") {
  const distill::MarTeacher teacher(Config(distill_task("dd1_mar_tiny", "anywhere").config, "test"), {});
  torch::manual_seed(2);
  const auto labels = at::tensor({int64_t{2}, int64_t{9}});
  const auto noise = at::randn({2, 49, 4});
  const auto ends = teacher.ends(labels, noise, /*ode_steps=*/4);
  CHECK_NOTHROW(teacher.check_ends(ends, 2, "file"));
  CHECK(at::allclose(teacher.ends(labels.narrow(0, 1, 1), noise.narrow(0, 1, 1), 4), ends.narrow(0, 1, 1),
                     1e-3, 1e-4));
  // A token knows of those before it in the order, not of those after it.
  auto other = noise.clone();
  other.narrow(1, 30, 1).add_(1.0);
  const auto changed = teacher.ends(labels, other, 4);
  CHECK(at::allclose(changed.narrow(1, 0, 20), ends.narrow(1, 0, 20), 1e-4, 1e-5));
  CHECK_FALSE(at::allclose(changed.narrow(1, 48, 1), ends.narrow(1, 48, 1), 1e-3, 1e-4));
  const auto& model = teacher.model();
  CHECK(at::equal(model.ordered(model.placed(noise)), noise));
}
