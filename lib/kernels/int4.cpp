#include "kernels/int4.h"

#include <torch/torch.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "kernels/flop_counter.h"
#include "kernels/int4_products.h"
#include "kernels/parallel.h"

namespace arzoo::kernels {
namespace {

/// Weights that a thread has at least.
constexpr int64_t kGrain = 1 << 15;
/// The most rows of x whose products are sums of integers: with more, products in fp32 of weights that were
/// brought back to full precision are faster.
constexpr int64_t kMostRoundedRows = 32;
/// Rows of a weight that all rows of x meet while they are in a cache.
constexpr int64_t kColumnsAtOnce = 64;
/// Numbers of a weight in full that are held at a time, so that they stay in a cache.
constexpr int64_t kNumbersAtOnce = 1 << 20;

int64_t rows_per_thread(int64_t width) { return std::max<int64_t>(1, kGrain / std::max<int64_t>(width, 1)); }

const std::byte* bytes_of(const at::Tensor& weight) {
  return reinterpret_cast<const std::byte*>(weight.const_data_ptr<uint8_t>());
}

/// Rows of x as the kernel takes them.
class RoundedRows {
 public:
  /// x: [rows, width] float, contiguous.
  explicit RoundedRows(const at::Tensor& x) : rows_(x.size(0)), groups_(int4_groups(x.size(1))) {
    const int64_t all = rows_ * groups_, width = x.size(1);
    values_.resize(all * kInt4Group);
    scales_.resize(all);
    eightfold_.resize(all);
    for (int64_t r = 0; r < rows_; ++r) {
      int4_operand_row(x.const_data_ptr<float>() + r * width, width,
                       values_.data() + r * groups_ * kInt4Group, scales_.data() + r * groups_,
                       eightfold_.data() + r * groups_);
    }
  }

  /// kFewInt4Rows of them from this one on, or what there is.
  Int4Operand operand(int64_t first) const {
    const int64_t skipped = first * groups_;
    return {values_.data() + skipped * kInt4Group, scales_.data() + skipped, eightfold_.data() + skipped,
            std::min(kFewInt4Rows, rows_ - first), groups_};
  }

 private:
  int64_t rows_, groups_;
  std::vector<int8_t> values_;
  std::vector<float> scales_, eightfold_;
};

void few_rows_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& out) {
  const int64_t width = x.size(1), columns = weight.size(0);
  count_flops(2.0 * static_cast<double>(x.size(0) * width * columns));
  const RoundedRows rows(x);
  const auto* bytes = bytes_of(weight);
  auto* to = out.mutable_data_ptr<float>();
  parallel_for(columns, rows_per_thread(width), [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; j += kColumnsAtOnce) {
      const int64_t count = std::min(kColumnsAtOnce, end - j);
      for (int64_t r = 0; r < x.size(0); r += kFewInt4Rows)
        int4_products(rows.operand(r), bytes + j * weight.size(1), count, to + r * columns + j, columns);
    }
  });
}

/// Parts of the weight in full, one after another.
void many_rows_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& out) {
  const int64_t width = x.size(1), columns = weight.size(0);
  const int64_t at_once = std::clamp<int64_t>(kNumbersAtOnce / width, 1, columns);
  for (int64_t first = 0; first < columns; first += at_once) {
    const int64_t count = std::min(at_once, columns - first);
    const auto part = int4_numbers(weight.narrow(0, first, count), width);
    auto columns_of_part = out.narrow(1, first, count);
    at::mm_out(columns_of_part, x, part.t());
  }
}

}  // namespace

bool fits_int4(const at::Tensor& weight) {
  return weight.is_cpu() && weight.is_floating_point() && weight.dim() == 2 && weight.size(0) > 0 &&
         weight.size(1) >= kInt4Group;
}

at::Tensor int4_weight(const at::Tensor& weight) {
  const auto numbers = weight.detach().to(at::kFloat).contiguous();
  const int64_t width = numbers.size(1);
  auto out = at::empty({numbers.size(0), int4_row_bytes(width)}, at::kByte);
  const auto* from = numbers.const_data_ptr<float>();
  auto* to = reinterpret_cast<std::byte*>(out.mutable_data_ptr<uint8_t>());
  parallel_for(numbers.size(0), rows_per_thread(width), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) int4_weight_row(from + i * width, width, to + i * out.size(1));
  });
  return out;
}

int64_t int4_bytes(int64_t width) { return int4_row_bytes(width); }

at::Tensor int4_numbers(const at::Tensor& rows, int64_t width) {
  auto sizes = rows.sizes().vec();
  sizes.back() = width;
  const auto flat = rows.reshape({-1, rows.size(-1)}).contiguous();
  auto out = at::empty({flat.size(0), width}, at::kFloat);
  auto* to = out.mutable_data_ptr<float>();
  parallel_for(flat.size(0), rows_per_thread(width), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      int4_numbers(bytes_of(flat) + i * flat.size(1), width, to + i * width);
  });
  return out.view(sizes);
}

at::Tensor int4_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                       Activation after) {
  if (weight.size(1) != int4_row_bytes(x.size(-1)))
    throw std::logic_error("a weight in 4 bits of another width than x");
  const auto rows = x.reshape({-1, x.size(-1)}).to(at::kFloat).contiguous();
  auto out = at::empty({rows.size(0), weight.size(0)}, at::kFloat);
  rows.size(0) <= kMostRoundedRows ? few_rows_product(rows, weight, out)
                                   : many_rows_product(rows, weight, out);
  if (bias.defined()) out.add_(bias);
  auto sizes = x.sizes().vec();
  sizes.back() = weight.size(0);
  return activate(out, after).view(sizes).to(x.scalar_type());
}

}  // namespace arzoo::kernels
