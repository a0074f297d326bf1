#include "icl/random_inputs.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include "core/seeded_random.h"

namespace arzoo::icl {

at::Generator generator_of(int64_t seed, uint64_t stream, int64_t index) {
  return at::make_generator<at::CPUGeneratorImpl>(
      stream_seed(static_cast<uint64_t>(seed), stream, static_cast<uint64_t>(index)));
}

}  // namespace arzoo::icl
