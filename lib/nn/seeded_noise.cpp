#include "nn/seeded_noise.h"

#include <torch/torch.h>

#include <cmath>
#include <numbers>

#include "kernels/parallel.h"

namespace arzoo::nn {
namespace {

constexpr int64_t kGrainNumbers = 1 << 11;

}  // namespace

uint64_t scrambled(uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

double uniform_of(uint64_t stream, uint64_t index) {
  return (static_cast<double>(scrambled(stream ^ scrambled(index)) >> 11) + 0.5) * 0x1.0p-53;
}

uint64_t item_seed(uint64_t seed, uint64_t index) { return scrambled(scrambled(seed) + index); }

std::vector<uint64_t> item_seeds(uint64_t seed, uint64_t first, std::size_t count) {
  std::vector<uint64_t> seeds;
  for (std::size_t i = 0; i < count; ++i) seeds.push_back(item_seed(seed, first + i));
  return seeds;
}

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
            const double radius = std::sqrt(-2.0 * std::log(uniform_of(rows[i].stream, index)));
            const double angle = 2.0 * std::numbers::pi * uniform_of(rows[i].stream, index + 1);
            to[i * width + c] = static_cast<float>(radius * std::cos(angle));
            if (c + 1 < width) to[i * width + c + 1] = static_cast<float>(radius * std::sin(angle));
          }
        }
      });
  return out;
}

at::Tensor seeded_orders(const std::vector<uint64_t>& streams, int64_t length) {
  const auto samples = static_cast<int64_t>(streams.size());
  auto random_inputs = at::empty({samples, length}, at::kDouble);
  auto* to = random_inputs.mutable_data_ptr<double>();
  for (int64_t i = 0; i < samples * length; ++i)
    to[i] = uniform_of(streams[i / length], static_cast<uint64_t>(i % length));
  return std::get<1>(random_inputs.sort(1));
}

}  // namespace arzoo::nn
