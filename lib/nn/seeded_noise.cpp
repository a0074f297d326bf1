#include "nn/seeded_noise.h"

#include <torch/torch.h>

#include "kernels/random_numbers.h"

namespace arzoo::nn {

at::Tensor orders_of(const at::Tensor& keys) { return std::get<1>(keys.sort(1)); }

at::Tensor seeded_orders(const std::vector<uint64_t>& streams, int64_t length) {
  return orders_of(kernels::uniform_numbers(kernels::streams_on(streams), 0, length));
}

at::Tensor random_orders(int64_t rows, int64_t length, std::optional<at::Generator> generator) {
  return orders_of(at::rand({rows, length}, std::move(generator), at::kDouble));
}

}  // namespace arzoo::nn
