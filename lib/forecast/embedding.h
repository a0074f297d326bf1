#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <string>

#include "forecast/position_embedding.h"

namespace arzoo::forecast {

struct EmbeddingOptions {
  int64_t variates, d_model;
  int64_t marks;      ///< calendar features per step; 0 for a model without any
  std::string embed;  ///< "timeF": a linear map of the features; "fixed", "learned": tables of integer codes
  double dropout;
  bool bias = false;      ///< of the convolution and the linear map (Informer2020 has them)
  bool positions = true;  ///< the position table is added (it is in the state dict either way)
  int64_t longest = 0;    ///< steps of the longest input, which the table then has rows for
};

/// The input of Informer and Autoformer: a circular convolution of the values, the calendar and, where the
/// model has them, positions, summed (Zhou et al. 2021, App. B; key names of the official DataEmbedding).
///
/// Values, linear calendar features and both biases are one matrix product over what each step sees.
class DataEmbedding : public torch::nn::Module {
 public:
  explicit DataEmbedding(const EmbeddingOptions& options);

  /// x: [B, L, C] float; marks: [B, L, M], undefined for a model without; returns [B, L, D] in the weights'
  /// type. Throws DataError for codes outside the tables.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& marks);

 private:
  at::Tensor values_and_features(const at::Tensor& x, const at::Tensor& marks) const;
  at::Tensor calendar(const at::Tensor& codes) const;

  EmbeddingOptions options_;
  torch::nn::Conv1d token_conv_{nullptr};
  std::shared_ptr<PositionEmbedding> position_embedding_;
  torch::nn::Linear features_{nullptr};  ///< embed timeF
  std::vector<at::Tensor> code_tables_;  ///< embed fixed, learned: one per column of codes
};

}  // namespace arzoo::forecast
