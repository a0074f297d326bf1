#pragma once

#include "io/picture.h"

namespace arzoo::image {

/// The picture in another size, resampled with the Lanczos kernel of three lobes, widened when it shrinks:
/// Pillow's LANCZOS to the bit, whose rounding (weights of 22 fractional bits, 8-bit samples between the two
/// passes) VAR's official data pipeline inherits.
io::Picture lanczos_resized(const io::Picture& picture, int64_t width, int64_t height);

}  // namespace arzoo::image
