#include "image/picture_features.h"

#include <torch/torch.h>

#include "core/error.h"
#include "core/zoo.h"
#include "image/model_folder.h"
#include "runtime/module_builder.h"
#include "runtime/named_tensors.h"

namespace arzoo::image {

std::shared_ptr<FeatureNet> open_feature_net(const std::filesystem::path& path,
                                             const runtime::Compute& compute) {
  const auto folder = find_model_folder(path);
  if (!folder) fail<CheckpointError>("{}: no model folder (config.json and weights)", path.string());
  const auto net =
      runtime::build_module<FeatureNet, FeatureNetOptions>(Config(folder->model, path.string(), "/model"));
  if (net == nullptr) {
    fail<UsageError>("{}: a model \"{}\", expected a feature_net", path.string(),
                     folder->model.value("name", ""));
  }
  runtime::load_strictly(*net, runtime::open_tensors(folder->path), path.string());
  net->eval();
  net->to(compute.device);
  return net;
}

bool are_same_classes(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const auto are_numbers = [](const std::vector<std::string>& names) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] != std::to_string(i)) return false;
    }
    return true;
  };
  return a == b || are_numbers(a) || are_numbers(b);
}

void FeatureCollector::add(const at::Tensor& images, const at::Tensor& labels) {
  const c10::InferenceMode inference;
  const auto features = net_.features(images.to(device_).mul(2.0).sub_(1.0));
  features_.push_back(features.cpu());
  probabilities_.push_back(at::softmax(net_.classify(features), 1).cpu());
  if (labels.defined()) labels_.push_back(labels.cpu());
}

PictureFeatures FeatureCollector::result() const {
  PictureFeatures result;
  if (features_.empty()) fail<DataError>("no pictures to compare");
  result.features = at::cat(features_);
  result.probabilities = at::cat(probabilities_);
  if (!labels_.empty()) {
    const auto labels = at::cat(labels_);
    if (labels.max().item<int64_t>() < net_.options().num_classes) result.labels = labels;
  }
  result.statistics = FeatureStatistics::of(result.features);
  return result;
}

at::Tensor as_stored(const at::Tensor& images, int64_t channels) {
  const auto seen = channels == 1 ? images.mean(1, /*keepdim=*/true).expand_as(images) : images;
  return seen.mul(255.0).add_(0.5).floor_().clamp_(0.0, 255.0).div_(255.0);
}

}  // namespace arzoo::image
