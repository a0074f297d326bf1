#include "distill/var_student.h"

#include <torch/torch.h>

#include "nn/seeded_noise.h"

namespace arzoo::distill {

at::Tensor picture_noise(const std::vector<uint64_t>& seeds, const TokenShape& shape, double deviation) {
  std::vector<nn::NoiseRow> rows;
  for (const uint64_t seed : seeds) {
    for (int64_t i = 0; i < shape.count; ++i) rows.push_back({seed, static_cast<uint64_t>(i)});
  }
  return nn::normal_rows(rows, shape.channels)
      .mul_(deviation)
      .view({static_cast<int64_t>(seeds.size()), shape.count, shape.channels});
}

at::Tensor VarStudent::noise(const std::vector<uint64_t>& seeds) const {
  return picture_noise(seeds, shape(), noise_std_);
}

at::Tensor VarStudent::latents(const at::Tensor& tokens) const {
  return vae_.quantizer().sum_of(tokens, grids_);
}

}  // namespace arzoo::distill
