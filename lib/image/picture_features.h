#pragma once

#include "image/feature_files.h"
#include "image/feature_net_model.h"
#include "runtime/device.h"

namespace arzoo::image {

/// A trained feature network (a run directory or model folder), ready to look at pictures. Throws
/// CheckpointError, UsageError for the folder of another model.
std::shared_ptr<FeatureNet> open_feature_net(const std::filesystem::path& path,
                                             const runtime::Compute& compute);

/// Whether class numbers mean the same in both lists of names: one is a list of mere numbers, or they are
/// equal.
bool are_same_classes(const std::vector<std::string>& a, const std::vector<std::string>& b);

/// Collects the features of pictures, batch by batch.
class FeatureCollector {
 public:
  /// `net` must outlive it.
  explicit FeatureCollector(FeatureNet& net, at::Device device) : net_(net), device_(device) {}

  /// images: [B, 3, P, P] in [0, 1]; labels: [B] long, the network's classes, for all pictures or undefined.
  void add(const at::Tensor& images, const at::Tensor& labels = {});
  /// Without labels where one of them is no class of the network. Throws DataError for less than two
  /// pictures.
  PictureFeatures result() const;

 private:
  FeatureNet& net_;
  at::Device device_;
  std::vector<at::Tensor> features_, probabilities_, labels_;
};

/// Pictures as a file of 8-bit samples gives them back, the channels equal where `channels` is 1. images:
/// [B, 3, H, W] in [0, 1].
at::Tensor as_stored(const at::Tensor& images, int64_t channels);

}  // namespace arzoo::image
