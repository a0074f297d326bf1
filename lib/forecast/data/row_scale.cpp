#include "forecast/data/row_scale.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

namespace arzoo::forecast {
namespace {

constexpr double kConstantScale = 1e-5;

}  // namespace

RowScale row_scale(const at::Tensor& rows) {
  const auto loc = rows.nanmean(-1, /*keepdim=*/true).nan_to_num(0.0);
  const auto scale = (rows - loc).square().nanmean(-1, /*keepdim=*/true).sqrt().nan_to_num(1.0);
  return {loc, at::where(scale == 0.0, at::full_like(scale, kConstantScale), scale)};
}

at::Tensor RowScale::apply(const at::Tensor& rows, bool arcsinh) const {
  const auto scaled = (rows - loc) / scale;
  return arcsinh ? scaled.asinh() : scaled;
}

at::Tensor RowScale::invert(const at::Tensor& values, bool arcsinh) const {
  return (arcsinh ? values.sinh() : values) * scale.unsqueeze(1) + loc.unsqueeze(1);
}

Patches left_padded_patches(const at::Tensor& values, const at::Tensor& mask, int64_t size, int64_t stride) {
  const int64_t missing = (size - values.size(1) % size) % size;
  const auto cut = [&](const at::Tensor& rows) {
    return at::constant_pad_nd(rows, {missing, 0}).unfold(-1, size, stride);
  };
  Patches patches;
  patches.mask = cut(mask.to(values.scalar_type()));
  patches.values = cut(values.masked_fill(mask.eq(0), 0.0));
  patches.any = patches.mask.sum(-1).gt(0);
  return patches;
}

at::Tensor last_columns(const at::Tensor& rows, int64_t most) {
  const int64_t all = rows.size(-1);
  return all <= most ? rows : rows.narrow(-1, all - most, most);
}

at::Tensor left_padded_rows(const std::vector<at::Tensor>& rows) {
  int64_t longest = 0;
  for (const auto& row : rows) longest = std::max(longest, row.size(0));
  auto padded = at::full({static_cast<int64_t>(rows.size()), longest}, NAN);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const int64_t length = rows[i].size(0);
    padded[static_cast<int64_t>(i)].narrow(0, longest - length, length).copy_(rows[i]);
  }
  return padded;
}

}  // namespace arzoo::forecast
