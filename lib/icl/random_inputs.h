#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::icl {

/// The random numbers of batch `index` of `stream`: a function of the three, so that a run that stopped
/// anywhere goes on with the same data.
at::Generator generator_of(int64_t seed, uint64_t stream, int64_t index);

/// The streams of the splits.
enum Stream : uint64_t { kTrainStream, kValidationStream, kTestStream };

}  // namespace arzoo::icl
