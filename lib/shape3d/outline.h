#pragma once

#include <ATen/core/Tensor.h>

#include "io/picture.h"

/// Outlines of shapes, as generators are shown them.
namespace arzoo::shape3d {

/// The outline in a picture of a shape on white: what is not nearly white, cut to its bounding box, put in
/// the middle of a square with a small margin and shrunk or enlarged to `pixels` x `pixels`. Grey, 255 where
/// the shape covers a pixel. So neither the size of the picture nor the place of the shape in it matters.
/// Throws DataError for a picture that is all white.
io::Picture framed_outline(const io::Picture& picture, int64_t pixels);
/// [1, P, P] in [0, 1] of a framed outline.
at::Tensor outline_tensor(const io::Picture& outline);

}  // namespace arzoo::shape3d
