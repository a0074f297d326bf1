// Cells of a bench table that look into the model that they train.

#include "support/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

Json run(const Json& cell, const TempDir& temp) {
  plan::TableTask task{.compute = {.device = "cpu", .seed = {}, .quantize = {}},
                       .suite = Config({{"cells", Json::array({cell})}}, "suite.json"),
                       .folder = test::source_dir() / "configs" / "bench",
                       .out = temp / "out",
                       .only = {}};
  SilentProgress progress;
  return tasks::table(task, progress, test::kNeverStop);
}

Json cell_of(const std::string& config, const Json& study) {
  return {{"name", "tiny"}, {"config", "../" + config}, {"study", study}};
}

double measured(const Json& result, const std::string& metric) {
  for (const auto& row : result["rows"]) {
    if (row["metric"] == metric) return row["measured"].get<double>();
  }
  FAIL("no metric is called " << metric);
  return 0.0;
}

}  // namespace

TEST_CASE("a study of linear self-attention puts training, construction and descent side by side") {
  const TempDir temp;
  auto cell = cell_of("icl/vonoswald_transformer_tiny.json", {{"tasks", 256}, {"curvature_steps", 5}});
  cell["set"] = {"model.num_layers=2", "training.epochs=2"};
  const auto result = run(cell, temp);
  CHECK(measured(result, "construction vs GD, largest difference") < 1e-5);
  CHECK(measured(result, "construction loss") == Approx(measured(result, "GD loss")).epsilon(1e-4));
  // After a few steps of training the descent is still far ahead, and the one with curvature ahead of it.
  CHECK(measured(result, "GD loss") < measured(result, "trained loss"));
  CHECK(measured(result, "GD++ loss") < measured(result, "GD loss"));
  const auto folder = temp / "out" / "tiny" / "fp32";
  for (const auto* file : {"learners.csv", "training.svg", "input_range.csv", "input_range.svg",
                           "weight_scale.csv", "weight_scale.svg"})
    CHECK(fs::exists(folder / file));
  CHECK(result["markdown"].get<std::string>().find("## tiny") != std::string::npos);
}

TEST_CASE("a study of a function learner draws error against points and names its distances") {
  const auto model = GENERATE(as<std::string>{}, "garg_gpt2", "akyurek_causal_lm");
  const TempDir temp;
  auto cell = cell_of("icl/" + model + "_tiny.json", {{"tasks", 64}, {"strategies", model == "garg_gpt2"}});
  cell["set"] = {"data.functions.noise_std=0.5"};
  const auto result = run(cell, temp);
  // An untrained model answers about 0; least squares has seen twice as many points as there are coordinates.
  CHECK(measured(result, "model error at 5 shots") > measured(result, "least squares error at 5 shots"));
  CHECK(measured(result, "difference from least squares") > 0.0);
  CHECK(measured(result, "implicit weights vs least squares at 5 shots") > 0.0);
  const auto folder = temp / "out" / "tiny" / "fp32";
  CHECK(fs::exists(folder / "error_by_shots.svg"));
  CHECK(fs::exists(folder / "difference_by_shots.csv"));
  CHECK(fs::exists(folder / "strategies.svg") == (model == "garg_gpt2"));
}

TEST_CASE("a study of linear dynamics probes each layer; what a state shows of least squares is not all") {
  const TempDir temp;
  const auto result = run(cell_of("icl/mesa_transformer_tiny.json", {{"tasks", 128}}), temp);
  CHECK(measured(result, "least squares loss at the last step") <
        measured(result, "one step of GD loss at the last step"));
  CHECK(measured(result, "probe of layer 0") < 1.0);
  CHECK(measured(result, "probe of layer 1") <= 1.0);
  CHECK(fs::exists(temp / "out" / "tiny" / "fp32" / "loss_by_step.svg"));
}

TEST_CASE("a study of path finding tells kinds of paths apart") {
  const TempDir temp;
  const auto result = run(cell_of("icl/alpine_nanogpt_tiny.json", {{"tasks", 64}}), temp);
  CHECK(measured(result, "accuracy on trained pairs") <= 1.0);
  CHECK(measured(result, "attention on the target") > 0.0);
  CHECK(measured(result, "edges told apart by the weights (AUC)") <= 1.0);
  CHECK(test::read_file(temp / "out" / "tiny" / "fp32" / "paths.csv").find("wrong ends") !=
        std::string::npos);
}

TEST_CASE("a finished study is kept, another one is made anew on the same training") {
  const TempDir temp;
  const auto cell = [&](int64_t tasks) {
    return cell_of("icl/vonoswald_transformer_tiny.json", {{"tasks", tasks}});
  };
  const auto first = run(cell(64), temp);
  const auto trained =
      fs::last_write_time(temp / "out" / "tiny" / "fp32" / "run" / "model" / "model.safetensors");
  CHECK(run(cell(64), temp)["rows"] == first["rows"]);
  CHECK(run(cell(128), temp)["rows"] != first["rows"]);
  CHECK(fs::last_write_time(temp / "out" / "tiny" / "fp32" / "run" / "model" / "model.safetensors") ==
        trained);
}

TEST_CASE("a study is refused where there is nothing to look into, and a wrong option by name") {
  const TempDir temp;
  CHECK_THROWS_WITH(run(cell_of("forecast/itransformer_tiny.json", Json::object()), temp),
                    ContainsSubstring("/cells/0/study: itransformer has no studies"));
  CHECK_THROWS_WITH(run(cell_of("icl/garg_gpt2_tiny.json", {{"task", 64}}), temp),
                    ContainsSubstring("did you mean \"tasks\"?"));
}
