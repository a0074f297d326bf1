#include "kernels/random_numbers.h"

#include <torch/library.h>
#include <torch/torch.h>

#include <algorithm>
#include <numbers>

#include "core/seeded_random.h"
#include "kernels/device_kernel.h"
#include "kernels/parallel.h"

namespace arzoo::kernels {
namespace {

constexpr int64_t kGrainNumbers = 1 << 11;

uint64_t stream_at(const int64_t* streams, int64_t row) { return static_cast<uint64_t>(streams[row]); }

at::Tensor uniform_on_cpu(const at::Tensor& streams, int64_t first, int64_t count) {
  const auto own = streams.contiguous();
  auto out = at::empty({own.size(0), count}, at::kDouble);
  const auto* stream = own.const_data_ptr<int64_t>();
  auto* to = out.mutable_data_ptr<double>();
  parallel_for(out.numel(), kGrainNumbers, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      to[i] = uniform_of(stream_at(stream, i / count), static_cast<uint64_t>(first + i % count));
  });
  return out;
}

using UniformNumbers = DeviceKernel<at::Tensor(const at::Tensor&, int64_t, int64_t)>;

const UniformNumbers& uniform_kernel() {
  static const UniformNumbers kernel("uniform_numbers");
  return kernel;
}

/// A row's numbers come in pairs; of an odd row the last one is thrown away.
int64_t pairs_of(int64_t width) { return (width + 1) / 2; }

at::Tensor normal_on_cpu(const at::Tensor& streams, int64_t first, int64_t rows, int64_t width) {
  const auto own = streams.contiguous();
  auto out = at::empty({own.size(0), rows, width}, at::kFloat);
  const auto* stream = own.const_data_ptr<int64_t>();
  auto* to = out.mutable_data_ptr<float>();
  const auto pairs = static_cast<uint64_t>(pairs_of(width));
  const int64_t grain = std::max<int64_t>(1, kGrainNumbers / std::max<int64_t>(width, 1));
  parallel_for(own.size(0) * rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const uint64_t of_row = stream_at(stream, i / rows);
      const auto place = static_cast<uint64_t>(first + i % rows);
      for (int64_t c = 0; c < width; c += 2) {
        const uint64_t index = 2 * (place * pairs + static_cast<uint64_t>(c / 2));
        const NormalPair pair(uniform_of(of_row, index), uniform_of(of_row, index + 1));
        to[i * width + c] = static_cast<float>(pair.first());
        if (c + 1 < width) to[i * width + c + 1] = static_cast<float>(pair.second());
      }
    }
  });
  return out;
}

TORCH_LIBRARY_FRAGMENT(arzoo, m) { m.def("uniform_numbers(Tensor streams, int first, int count) -> Tensor"); }
TORCH_LIBRARY_IMPL(arzoo, CPU, m) { m.impl("uniform_numbers", &uniform_on_cpu); }

}  // namespace

at::Tensor streams_on(const std::vector<uint64_t>& streams, at::Device device) {
  std::vector<int64_t> bits(streams.begin(), streams.end());
  return at::tensor(bits, at::kLong).to(device);
}

at::Tensor uniform_numbers(const at::Tensor& streams, int64_t first, int64_t count) {
  if (uniform_kernel().is_on(streams.device())) return uniform_kernel()(streams, first, count);
  return uniform_on_cpu(streams.cpu(), first, count).to(streams.device());
}

at::Tensor normal_numbers(const at::Tensor& streams, int64_t first, int64_t rows, int64_t width) {
  if (streams.is_cpu()) return normal_on_cpu(streams, first, rows, width);
  return normal_numbers_anywhere(streams, first, rows, width);
}

at::Tensor normal_numbers_anywhere(const at::Tensor& streams, int64_t first, int64_t rows, int64_t width) {
  const int64_t pairs = pairs_of(width);
  const auto uniform =
      uniform_numbers(streams, 2 * first * pairs, 2 * rows * pairs).view({streams.size(0), rows, pairs, 2});
  // Box and Muller's, as NormalPair.
  const auto radius = uniform.select(3, 0).log().mul_(-2.0).sqrt_();
  const auto angle = uniform.select(3, 1) * (2.0 * std::numbers::pi);
  return at::stack({radius * angle.cos(), radius * angle.sin()}, 3)
      .flatten(2)
      .narrow(2, 0, width)
      .to(at::kFloat);
}

}  // namespace arzoo::kernels
