#pragma once

#include "core/config.h"

namespace arzoo::image {

/// A normal distribution of each pixel, given the class: the simplest generator of images there is.
struct ClassGaussianOptions {
  static constexpr std::string_view kName = "class_gaussian";
  static constexpr std::string_view kPaper = "one normal distribution per class and pixel";
  static constexpr std::string_view kGenerates = "generate-image";

  int64_t num_classes = 10;
  int64_t pixels = 28;

  static void fields(auto& o, auto& field) {
    field("num_classes", o.num_classes, at_least(1), "classes of images");
    field("pixels", o.pixels, between(1, 4096), "side of an image");
  }
};

}  // namespace arzoo::image
