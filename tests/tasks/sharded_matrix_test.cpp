// Every model of every family with weights that are in memory only while an operator needs them, as several
// processes keep them; here one process is the whole group.

#include "registry/catalog.h"
#include "registry/registry.h"
#include "runtime/initial_weights.h"
#include "runtime/process_group.h"
#include "runtime/trainer.h"
#include "runtime/training_options.h"
#include "support/free_port.h"
#include "support/tasks.h"

using namespace arzoo;
using test::TempDir;

namespace {

/// Of the models that train with the option; `arzoo train` refuses it for the others.
std::vector<std::string> tiny_configs(const std::string& option) {
  std::vector<std::string> all;
  for (const auto& family : registry::family_cards()) {
    for (const auto& model : family.models) {
      const auto name = fmt::format("{}/{}_tiny", family.name, model.name);
      const TempDir temp;
      auto task = test::committed_task(name, temp / "plan", {option});
      task.init_only = true;
      try {
        test::train(task);
        all.push_back(name);
      } catch (const ConfigError& error) {
        CHECK_THAT(error.what(), ContainsSubstring(" trains with "));
      }
    }
  }
  return all;
}

struct Errors {
  runtime::Metrics val, test;
};

/// Trained as a group of one, whose random numbers are those of rank 0.
Errors trained(const std::string& config_name, const std::filesystem::path& out,
               std::vector<std::string> changes) {
  changes.emplace_back("training.max_steps=2");
  if (config_name.starts_with("forecast/")) changes.emplace_back("evaluation.max_windows=48");
  const auto task = test::committed_task(config_name, out, changes);
  runtime::set_threads(1);
  const Config config(task.config, config_name);
  runtime::Compute compute;
  compute.group = runtime::ProcessGroup::join({.port = test::free_port(), .timeout = 60}, at::kCPU, "");
  runtime::seed(task.config.at("seed").get<int64_t>());
  const auto experiment = registry::entry_of(config.at("model")).experiment(config, compute);
  runtime::select_trainable(experiment->model(), config.at("training").at("trainable"));
  const auto run = RunDir::create(out, IfExists::fail);
  SilentProgress progress;
  runtime::Trainer trainer(*experiment, runtime::training_options(config), compute, &run, progress,
                           test::kNeverStop);
  experiment->prepare_data(progress, test::kNeverStop);
  const auto summary = trainer.fit(/*resume=*/false);
  trainer.in_first([&] { experiment->showcase(); });
  compute.group->finish();
  return {summary.best_val, summary.test};
}

void check_near(const runtime::Metrics& metrics, const runtime::Metrics& wanted) {
  REQUIRE(metrics.size() == wanted.size());
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    INFO(metrics[i].first);
    CHECK(metrics[i].second == Approx(wanted[i].second).epsilon(1e-4).margin(1e-4));
  }
}

}  // namespace

TEST_CASE("a model of any family trains, is evaluated, saved and shown with weights that come and go") {
  const auto config = GENERATE(from_range(tiny_configs("training.shard=full")));
  INFO(config);
  const TempDir temp;
  const auto whole = trained(config, temp / "whole", {});
  const auto shared = trained(config, temp / "shared", {"training.shard=full"});
  check_near(shared.val, whole.val);
  check_near(shared.test, whole.test);
}
