#include "nn/relative_bias.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace arzoo::nn {

int64_t RelativeBias::bucket(int64_t back) const {
  const int64_t exact = buckets / 2;
  if (back < exact) return std::max<int64_t>(back, 0);
  // In fp32, as the official code: a bucket's border is where the rounded logarithm passes a whole number.
  const float share =
      std::log(static_cast<float>(back) / static_cast<float>(exact)) /
      static_cast<float>(std::log(static_cast<double>(distance) / static_cast<double>(exact)));
  const auto wide = exact + static_cast<int64_t>(share * static_cast<float>(buckets - exact));
  return std::min(wide, buckets - 1);
}

at::Tensor RelativeBias::of(const at::Tensor& table, int64_t queries, int64_t keys) const {
  std::vector<int64_t> by_distance;
  for (int64_t back = 0; back < keys; ++back) by_distance.push_back(bucket(back));
  const auto places = at::arange(keys, at::kLong);
  const auto back = (places.narrow(0, keys - queries, queries).unsqueeze(1) - places).clamp_min(0);
  const auto index = at::tensor(by_distance, at::kLong).index_select(0, back.flatten()).to(table.device());
  return at::embedding(table, index).view({queries, keys, -1}).permute({2, 0, 1}).unsqueeze(0);
}

}  // namespace arzoo::nn
