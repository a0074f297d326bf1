#include "forecast/layers/patch_embedding.h"

#include <torch/torch.h>

#include "kernels/dropout.h"
#include "kernels/linear.h"

namespace arzoo::forecast {

PatchEmbedding::PatchEmbedding(int64_t patch_len, int64_t d_model, double dropout, int64_t longest)
    : dropout_(dropout) {
  value_embedding_ = register_module(
      "value_embedding", torch::nn::Linear(torch::nn::LinearOptions(patch_len, d_model).bias(false)));
  position_embedding_ =
      register_module("position_embedding", std::make_shared<PositionEmbedding>(d_model, longest));
}

at::Tensor PatchEmbedding::forward(const at::Tensor& patches) {
  const auto& weight = value_embedding_->weight;
  const auto tokens = kernels::linear(patches.to(weight.scalar_type()), weight, {});
  return kernels::dropout(tokens + position_embedding_->forward(patches.size(1)), dropout_, is_training());
}

}  // namespace arzoo::forecast
