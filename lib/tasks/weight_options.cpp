#include "tasks/weight_options.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "registry/catalog.h"

namespace arzoo::tasks {
namespace {

// They look at weights in other ways than through operators.
constexpr std::array<std::string_view, 2> kNeedWholeWeights{"alpine_nanogpt", "vqvae"};
// Parts of them compute in fp32 whatever the rest does.
constexpr std::array<std::string_view, 8> kNeedFp32Weights{"argus3d_vq", "g3pt_vq", "kl_vae", "llamagen_vq",
                                                           "shape_vae",  "var",     "vat",    "vqvae"};

bool is_among(const auto& models, std::string_view model) {
  return std::find(models.begin(), models.end(), model) != models.end();
}

}  // namespace

void check_weight_options(const Config& run, const runtime::TrainingOptions& options) {
  const auto name = run.at("model").at("name");
  const auto model = name.text();
  const auto family = registry::find_model(name).family.name;
  const bool is_student = family == "distill";
  if (options.shard == "full" && (is_student || is_among(kNeedWholeWeights, model)))
    fail<ConfigError>("{}: /training/shard: {} trains with whole weights, expected \"none\" or \"optimizer\"",
                      run.name(), model);
  if (options.param_dtype == "bf16" &&
      (is_student || family == "graph" || family == "speech" || is_among(kNeedFp32Weights, model)))
    fail<ConfigError>("{}: /training/param_dtype: {} trains with fp32 weights, expected \"fp32\"", run.name(),
                      model);
}

}  // namespace arzoo::tasks
