// One file for each form in which trainers save their models, written by
// scripts/reference/checkpoint_forms.py in plain PyTorch, with the outputs of the plain models.

#include "distill/dd1_var.h"
#include "forecast/forecast_model.h"
#include "icl/function_learners.h"
#include "image/latent_source.h"
#include "image/var_files.h"
#include "io/tensor_files.h"
#include "runtime/initial_weights.h"
#include "runtime/safetensors.h"
#include "support/tasks.h"

using namespace arzoo;
using forecast::ForecastModel;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

fs::path form(const std::string& name) {
  return test::source_dir() / "tests" / "fixtures" / "checkpoints" / "forms" / name;
}

Json convert_form(const fs::path& input, const fs::path& output, const std::string& dict = "") {
  SilentProgress progress;
  plan::ConvertTask task;
  task.input = input;
  task.output = output;
  task.state_dict = dict;
  return tasks::convert(task, progress, test::kNeverStop);
}

}  // namespace

TEST_CASE("a forecaster's weights are taken in every form, and forecast as plain PyTorch does") {
  const auto weights =
      GENERATE(as<std::string>(), "itransformer_tslib.pth", "itransformer_compiled.pth",
               "itransformer_parallel.pth", "sharded", "sharded/pytorch_model.bin.index.json");
  CAPTURE(weights);
  const auto model = ForecastModel::open(form(weights), Config::load(form("itransformer.json")), {});
  const auto expected = runtime::open_tensors(form("itransformer_expected.pth"));
  const torch::NoGradGuard no_grad;
  forecast::ForecastBatch batch;
  batch.x_enc = expected.at("x_enc");
  batch.x_mark_enc = expected.at("x_mark_enc");
  CHECK(at::allclose(model.module().forecast(batch), expected.at("forecast"), 1e-5, 1e-6));
}

TEST_CASE("the forecast command takes a checkpoint of the Time-Series-Library") {
  const TempDir temp;
  const auto series = temp.write("series.csv", test::wide_csv(test::hourly_table(20, {"a", "b", "c"})));
  const auto run = [&](const std::string& weights, const std::string& output) {
    auto task = test::forecast_task(form(weights), {series}, temp / output);
    task.config = form("itransformer.json");
    CHECK(test::forecast(task)["rows"] == 12);
    return test::read_file(temp / output);
  };
  CHECK(run("itransformer_tslib.pth", "a.csv") == run("sharded", "b.csv"));
}

TEST_CASE("a weights file is forecast with its run's config as with its model's") {
  const TempDir temp;
  const auto data = temp.write("waves.csv", test::wide_csv(test::hourly_table(100)));
  test::train(test::tiny_config(data), temp / "run");
  const auto run = [&](const fs::path& config, const std::string& output) {
    auto task = test::forecast_task(temp / "run/model/model.safetensors", {data}, temp / output);
    task.config = config;
    test::forecast(task);
    return test::read_file(temp / output);
  };
  const auto wanted = run(temp / "run/model/config.json", "a.csv");
  CHECK(run(temp / "run/config.json", "b.csv") == wanted);
  // Away from its model it says where the data are, and those what the model was given.
  fs::copy(temp / "run/config.json", temp / "elsewhere.json");
  CHECK(run(temp / "elsewhere.json", "c.csv") == wanted);
}

TEST_CASE("GPT-2's mask buffers and token table mean nothing to a learner of functions") {
  icl::GargGpt2Options options;
  options.decoder.n_embd = 8;
  options.decoder.n_layer = 1;
  options.decoder.n_head = 2;
  icl::GargGpt2 learner(options, 3, 6);
  runtime::TrainingOptions training;
  training.init_from = form("garg_state.pt").string();
  CHECK_THAT(runtime::load_initial_weights(learner, training),
             Catch::StartsWith("initial weights loaded: ") && ContainsSubstring("(\"model_state_dict\")"));
  learner.eval();
  const auto expected = runtime::open_tensors(form("garg_expected.pt"));
  const torch::NoGradGuard no_grad;
  CHECK(at::allclose(learner.predict(expected.at("xs"), expected.at("ys")), expected.at("predictions"), 1e-5,
                     1e-6));
}

TEST_CASE("a student's averaged parameters are its weights, its tables are computed") {
  const auto weights = runtime::open_tensors(form("student.pth"));
  CHECK(weights.dict == "trainer.ema_parameters");
  distill::Dd1VarOptions options;
  options.var = image::var_options_of(weights);
  CHECK(options.var.patch_nums == std::vector<int64_t>{1, 1, 2, 3});
  options.var.patch_nums.erase(options.var.patch_nums.begin());
  distill::Dd1Var student(options);
  runtime::load_strictly(student, weights, weights.where());
  const auto own = runtime::state_dict(student);
  CHECK(at::equal(own.at("head.bias"), weights.at("head.bias")));
  CHECK(at::equal(own.at("lvl_1L").flatten().narrow(0, 0, 7), at::tensor({0, 1, 2, 2, 2, 2, 3}, at::kLong)));
}

TEST_CASE("a Lightning checkpoint is converted without its training, and inspected with what was not read") {
  const TempDir temp;
  const auto result = convert_form(form("kl_lightning.ckpt"), temp / "kl.safetensors");
  CHECK(result["state_dict"] == "state_dict");
  CHECK(result["tensors"] == 4);
  SilentProgress progress;
  const auto shown = tasks::inspect({form("kl_lightning.ckpt")}, progress, test::kNeverStop);
  CHECK(shown["not_read"].size() >= 5);
}

TEST_CASE("a trainer's checkpoint is converted to its averaged weights unless another dict is named") {
  const TempDir temp;
  const auto result = convert_form(form("mar_trainer.pth"), temp / "ema.safetensors");
  CHECK(result["state_dict"] == "model_ema");
  convert_form(form("mar_trainer.pth"), temp / "raw.safetensors", "model");
  const auto average = runtime::open_tensors(temp / "ema.safetensors"),
             raw = runtime::open_tensors(temp / "raw.safetensors");
  CHECK(at::equal(average.at("class_emb.weight"), raw.at("class_emb.weight") * 0.5));
}

TEST_CASE("a state dict that only the tokenizer's file holds is chosen there") {
  runtime::ImageSource source;
  source.model = form("llamagen.pt");
  source.vae = form("mar_trainer.pth");
  source.state_dict = "model_ema";
  CHECK(image::model_state_dict(source).empty());
  CHECK(io::state_dict_in(*source.vae, source.state_dict) == "model_ema");
  source.state_dict = "model";  // both hold it
  CHECK(image::model_state_dict(source) == "model");
  source.state_dict = "none";  // neither: the model's file says so
  CHECK(image::model_state_dict(source) == "none");
}

TEST_CASE("a file with a part of a LlamaGen says what is missing") {
  plan::GenerateImageTask task;
  task.compute.device = "cpu";
  task.source.model = form("llamagen.pt");
  SilentProgress progress;
  CHECK_THROWS_WITH(tasks::generate_image(task, progress, test::kNeverStop),
                    ContainsSubstring("llamagen.pt: ") && ContainsSubstring("no tensor \"layers.0."));
}
