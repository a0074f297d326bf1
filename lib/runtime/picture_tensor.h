#pragma once

#include <ATen/core/Tensor.h>

#include "io/picture.h"

namespace arzoo::runtime {

/// A picture as models see it: [1, 3, H, W] float in [-1, 1]; grey is copied into all three channels.
at::Tensor tensor_of(const io::Picture& picture);

/// The picture of [3, H, W] in [0, 1], rounded to the nearest of 256 steps; with one channel the mean of the
/// three.
io::Picture picture_of(const at::Tensor& image, int64_t channels);

/// `image`, [1, 3, H, W], in another size: bilinear, averaged over the pixels that become one.
at::Tensor resized(const at::Tensor& image, int64_t height, int64_t width);

}  // namespace arzoo::runtime
