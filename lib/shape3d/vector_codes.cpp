#include "shape3d/vector_codes.h"

#include <torch/torch.h>

#include "nn/nearest_codes.h"

namespace arzoo::shape3d {

at::Tensor nearest(const at::Tensor& z, const at::Tensor& codebook) {
  const torch::NoGradGuard no_grad;
  const auto ids = nn::nearest_codes(z.reshape({-1, z.size(-1)}), codebook);
  return ids.view(z.sizes().slice(0, static_cast<std::size_t>(z.dim() - 1)));
}

CodedVectors coded(const at::Tensor& z, const at::Tensor& codebook) {
  CodedVectors result;
  result.ids = nearest(z.detach(), codebook.detach());
  const auto chosen = at::embedding(codebook, result.ids);
  result.quantised = z + (chosen - z).detach();
  result.codebook = at::mse_loss(chosen, z.detach());
  result.commit = at::mse_loss(z, chosen.detach());
  return result;
}

at::Tensor ResidualRows::shrunk(const at::Tensor& sum, std::size_t k) const {
  if (scales_[k] == sum.size(1)) return sum;
  return at::adaptive_avg_pool1d(sum.transpose(1, 2), scales_[k]).transpose(1, 2);
}

at::Tensor ResidualRows::spread(const at::Tensor& ids, const at::Tensor& codebook, std::size_t k) const {
  const auto codes = at::embedding(codebook, ids);
  const int64_t places = scales_.back();
  if (k + 1 == scales_.size() || scales_[k] == places) return codes;
  const std::vector<int64_t> size{1, places};
  return at::upsample_bicubic2d(codes.transpose(1, 2).unsqueeze(2), at::IntArrayRef(size),
                                /*align_corners=*/false)
      .squeeze(2)
      .transpose(1, 2);
}

ResidualRows::Pass ResidualRows::pass(const at::Tensor& z, const at::Tensor& codebook) const {
  const auto target = z.detach();
  auto rest = target, sum = at::zeros_like(target);
  Pass pass;
  pass.loss = at::zeros({}, target.options());
  std::vector<at::Tensor> ids;
  for (std::size_t k = 0; k < scales_.size(); ++k) {
    ids.push_back(nearest(shrunk(rest, k), codebook));
    const auto own = spread(ids.back(), codebook, k);
    sum = sum + own;
    rest = rest - own.detach();
    pass.loss = pass.loss + at::mse_loss(sum, target) + beta_ * at::mse_loss(z, sum.detach());
    pass.sums.push_back(sum);
  }
  pass.loss = pass.loss / static_cast<double>(scales_.size());
  pass.quantised = z + (sum - z).detach();
  pass.ids = at::cat(ids, 1);
  return pass;
}

std::vector<at::Tensor> ResidualRows::rests(const at::Tensor& z, const at::Tensor& codebook) const {
  const torch::NoGradGuard no_grad;
  auto rest = z;
  std::vector<at::Tensor> rests;
  for (std::size_t k = 0; k < scales_.size(); ++k) {
    rests.push_back(shrunk(rest, k));
    rest = rest - spread(nearest(rests.back(), codebook), codebook, k);
  }
  return rests;
}

}  // namespace arzoo::shape3d
