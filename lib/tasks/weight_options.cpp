#include "tasks/weight_options.h"

#include "registry/catalog.h"
#include "registry/registry.h"

namespace arzoo::tasks {
namespace {

/// What the model or its whole family needs.
runtime::WeightNeeds needs_of(const Config& section) {
  auto needs = registry::entry_of(section).weights;
  const auto name = registry::find_model(section.at("name")).family.name;
  for (const auto* family : registry::families()) {
    if (family->name != name) continue;
    needs.whole = needs.whole || family->weights.whole;
    needs.fp32 = needs.fp32 || family->weights.fp32;
  }
  return needs;
}

}  // namespace

void check_weight_options(const Config& run, const runtime::TrainingOptions& options) {
  const auto section = run.at("model");
  const auto model = section.text("name");
  const auto needs = needs_of(section);
  if (needs.whole && options.shard == "full")
    fail<ConfigError>("{}: /training/shard: {} trains with whole weights, expected \"none\" or \"optimizer\"",
                      run.name(), model);
  if (needs.fp32 && options.param_dtype == "bf16")
    fail<ConfigError>("{}: /training/param_dtype: {} trains with fp32 weights, expected \"fp32\"", run.name(),
                      model);
}

}  // namespace arzoo::tasks
