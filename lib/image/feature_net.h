#pragma once

#include "core/config.h"

namespace arzoo::image {

/// A small convolutional classifier, whose last hidden layer gives the features that the metrics of generated
/// pictures compare, as Inception-v3 does for ImageNet (Heusel et al., NeurIPS 2017).
struct FeatureNetOptions {
  static constexpr std::string_view kName = "feature_net";
  static constexpr std::string_view kPaper = "a classifier, for metrics as in Heusel et al., NeurIPS 2017";

  int64_t pixels = 28;
  int64_t num_classes = 10;
  std::vector<int64_t> channels = {32, 64, 128};
  double dropout = 0.2;
  double label_smoothing = 0.0;

  static void fields(auto& o, auto& field) {
    field("pixels", o.pixels, at_least(8), "side of a picture");
    field("num_classes", o.num_classes, at_least(2), "classes");
    field("channels", o.channels, nonempty(at_least(32)),
          "of each stage, multiples of 32; a stage halves the picture, the last one's are the features");
    field("dropout", o.dropout, from_below(0, 1), "dropout of the features before the classifier");
    field("label_smoothing", o.label_smoothing, from_below(0, 1),
          "label smoothing of the cross-entropy in training");
  }
  void check() const {
    for (const int64_t width : channels)
      require(width % 32 == 0, "channels must be multiples of 32 (group normalisation), got {}", width);
  }
};

}  // namespace arzoo::image
