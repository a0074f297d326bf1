#include "icl/experiment.h"
#include "icl/family.h"

#include "icl/function_learners.h"
#include "plan/run_config.h"
#include "runtime/device.h"
#include "support/test.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

Config tiny(const std::string& model, const Json& changes = Json::object()) {
  const auto path = test::source_dir() / "configs" / "icl" / (model + "_tiny.json");
  auto json = plan::resolve_run_config(Config::load(path), path.parent_path());
  json.merge_patch(changes);
  return Config(std::move(json), "tiny.json");
}

/// The family's entry of the config's model makes it.
std::unique_ptr<runtime::Experiment> experiment_of(const Config& config) {
  const auto name = config.at("model").text("name");
  for (const auto* entry : icl::family().models) {
    if (entry->name == name) return entry->experiment(config, {});
  }
  FAIL("no learner is called " << name);
  return nullptr;
}

}  // namespace

TEST_CASE("a saved learner reopens with the weights that were trained") {
  const auto name = GENERATE(as<std::string>{}, "vonoswald_transformer", "garg_gpt2", "akyurek_causal_lm",
                             "mesa_transformer", "alpine_nanogpt");
  INFO(name);
  const TempDir temp;
  const auto config = tiny(name);
  runtime::seed(4);
  const auto experiment = experiment_of(config);
  experiment->save(temp.path());
  const auto opened = icl::open_learner(config, temp.path());
  const auto expected = experiment->model().named_parameters();
  for (const auto& parameter : opened->named_parameters()) {
    INFO(parameter.key());
    CHECK(at::equal(parameter.value(), expected[parameter.key()]));
  }
}

TEST_CASE("training prompts follow the curriculum, evaluation takes whole ones") {
  const auto config = tiny("garg_gpt2", {{"data",
                                          {{"functions",
                                            {{"curriculum",
                                              {{"points", {{"start", 2}, {"inc", 1}, {"interval", 2}}},
                                               {"dims", {{"start", 1}, {"inc", 1}, {"interval", 2}}}}}}}}}});
  runtime::seed(4);
  const auto experiment = experiment_of(config);
  // The first two points of one coordinate.
  const double early = experiment->loss(0).total.item<double>(),
               late = experiment->loss(100).total.item<double>();
  CHECK(early < late);
  CHECK(experiment->evaluate(runtime::Split::val) != experiment->evaluate(runtime::Split::test));
}

TEST_CASE("a section that the model does not read is refused by name") {
  const auto path = test::source_dir() / "configs" / "icl" / "garg_gpt2_tiny.json";
  CHECK_THROWS_WITH(
      plan::resolve_run_config(Config::load(path, {"data.graph.num_nodes=5"}), path.parent_path()),
      ContainsSubstring("/data/graph: garg_gpt2 does not read this section (it reads \"functions\")"));
}
