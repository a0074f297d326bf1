#pragma once

#include <c10/core/impl/LocalDispatchKeySet.h>

namespace arzoo::runtime {

/// While one lives, this thread's models are made without generating their initial weights: the memory of a
/// parameter is reserved and not touched, so that taking over a checkpoint (take_strictly) costs neither the
/// time nor the pages of weights that are never used. Until then those weights are undefined.
class DeferredWeights {
 public:
  // Not inline: its users must link the kernels as well, which register themselves in the same source.
  DeferredWeights();

 private:
  c10::impl::IncludeDispatchKeyGuard guard_;
};

/// What computes weights from random ones, as an SVD does, has to leave them as well: they may be no numbers.
bool weights_are_deferred();

}  // namespace arzoo::runtime
