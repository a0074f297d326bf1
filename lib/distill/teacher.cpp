#include "distill/teacher.h"

#include <torch/torch.h>

namespace arzoo::distill {
namespace {

/// What decides how a teacher or its tokenizer was trained and not what it is.
bool is_of_training(const std::string& key) {
  static const std::vector<std::string> kKeys{
      "drop_path_rate", "cond_drop_rate", "label_smoothing", "alng",         "supernet",  "l1_weight",
      "revive_every",   "beta",           "attn_dropout",    "proj_dropout", "kl_weight", "label_drop_prob",
      "resolution",     "latent_scale"};
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

}  // namespace

std::pair<double, double> sums_of(const torch::nn::Module& model) {
  double sum = 0.0, squares = 0.0;
  for (const auto& parameter : model.parameters()) {
    const auto wide = parameter.detach().to(at::kDouble);
    sum += wide.sum().item<double>();
    squares += wide.square().sum().item<double>();
  }
  return {sum, squares};
}

void require_same_teacher(const Config& own, const Json& theirs, const std::string& path) {
  for (const auto& [key, value] : own.members()) {
    if (is_of_training(key)) continue;
    if (value.json().is_object()) {
      require_same_teacher(value, theirs.at(key), path);
    } else if (value.json() != theirs.at(key)) {
      value.reject(fmt::format("{}, but the teacher in {} has {}", dump_json(value.json()), path,
                               dump_json(theirs.at(key))));
    }
  }
}

}  // namespace arzoo::distill
