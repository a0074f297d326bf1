#pragma once

#include "kernels/flop_counter.h"

namespace arzoo::test {

/// What `work` counts in this thread.
template <class Work>
double flops_of(const Work& work) {
  const kernels::FlopCounter counter;
  work();
  return counter.flops();
}

}  // namespace arzoo::test
