#include "nn/seeded_noise.h"

#include <torch/torch.h>

#include "kernels/parallel.h"

namespace arzoo::nn {
namespace {

constexpr int64_t kGrainNumbers = 1 << 11;

}  // namespace

at::Tensor normal_rows(const std::vector<NoiseRow>& rows, int64_t width) {
  auto out = at::empty({static_cast<int64_t>(rows.size()), width}, at::kFloat);
  auto* to = out.mutable_data_ptr<float>();
  // Numbers come in pairs; of an odd row the last one is thrown away.
  const auto pairs = static_cast<uint64_t>((width + 1) / 2);
  kernels::parallel_for(
      static_cast<int64_t>(rows.size()), std::max<int64_t>(1, kGrainNumbers / width),
      [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          for (int64_t c = 0; c < width; c += 2) {
            const uint64_t index = 2 * (rows[i].place * pairs + static_cast<uint64_t>(c / 2));
            const NormalPair pair(uniform_of(rows[i].stream, index), uniform_of(rows[i].stream, index + 1));
            to[i * width + c] = static_cast<float>(pair.first());
            if (c + 1 < width) to[i * width + c + 1] = static_cast<float>(pair.second());
          }
        }
      });
  return out;
}

at::Tensor orders_of(const at::Tensor& keys) { return std::get<1>(keys.sort(1)); }

at::Tensor seeded_orders(const std::vector<uint64_t>& streams, int64_t length) {
  const auto samples = static_cast<int64_t>(streams.size());
  auto keys = at::empty({samples, length}, at::kDouble);
  auto* to = keys.mutable_data_ptr<double>();
  for (int64_t i = 0; i < samples * length; ++i)
    to[i] = uniform_of(streams[i / length], static_cast<uint64_t>(i % length));
  return orders_of(keys);
}

at::Tensor random_orders(int64_t rows, int64_t length, std::optional<at::Generator> generator) {
  return orders_of(at::rand({rows, length}, std::move(generator), at::kDouble));
}

}  // namespace arzoo::nn
