#pragma once

namespace arzoo {

/// The form of linear maps' weights in inference: as they are, in 8 bits with a scale per row
/// (kernels/int8.h), or in 4 bits with a scale per 32 numbers of a row (kernels/int4.h).
enum class Quantization { none, int8, int4 };

}  // namespace arzoo
