#include "forecast/layers/inverted_embedding.h"

#include <torch/torch.h>

#include "kernels/dropout.h"
#include "kernels/linear.h"

namespace arzoo::forecast {

InvertedEmbedding::InvertedEmbedding(int64_t steps, int64_t d_model, double dropout) : dropout_(dropout) {
  value_embedding_ = register_module("value_embedding", torch::nn::Linear(steps, d_model));
}

at::Tensor InvertedEmbedding::forward(const at::Tensor& windows) {
  const auto values = windows.to(value_embedding_->weight.scalar_type());
  return kernels::dropout(kernels::linear(values, value_embedding_->weight, value_embedding_->bias), dropout_,
                          is_training());
}

}  // namespace arzoo::forecast
