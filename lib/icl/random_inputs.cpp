#include "icl/random_inputs.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

namespace arzoo::icl {
namespace {

/// One step of SplitMix64 (Steele et al., 2014).
uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

at::Generator generator_of(int64_t seed, uint64_t stream, int64_t index) {
  const auto key = mixed(mixed(mixed(static_cast<uint64_t>(seed)) + stream) + static_cast<uint64_t>(index));
  return at::make_generator<at::CPUGeneratorImpl>(key);
}

at::Tensor permutations(int64_t rows, int64_t size, at::Generator generator) {
  return std::get<1>(at::rand({rows, size}, generator, at::kDouble).sort(1));
}

}  // namespace arzoo::icl
