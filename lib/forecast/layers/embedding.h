#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <string>

#include "forecast/layers/position_embedding.h"

namespace arzoo::forecast {

struct EmbeddingOptions {
  int64_t variates, d_model;
  int64_t marks;      ///< calendar features per step; 0 for a model without any
  std::string embed;  ///< "timeF": a linear map of the features; "fixed", "learned": tables of integer codes
  double dropout;
  bool bias = false;      ///< of the convolution and the linear map (Informer2020 has them)
  bool positions = true;  ///< the position table is added (it is in the state dict either way)
  int64_t longest = 0;    ///< steps of the longest input, which the table then has rows for
  int64_t known = 0;      ///< covariates that are known at each step
  int64_t statics = 0;    ///< numbers that are the same at each step
};

/// The input of Informer and Autoformer: a circular convolution of the values, the calendar and, where the
/// model has them, positions and covariates (linear maps without a bias), summed (Zhou et al. 2021, App. B;
/// key names of the official DataEmbedding).
///
/// Values, linear calendar features and both biases are one matrix product over what each step sees.
class DataEmbedding : public torch::nn::Module {
 public:
  explicit DataEmbedding(const EmbeddingOptions& options);

  /// x: [B, L, C] float; marks: [B, L, M], undefined for a model without; returns [B, L, D] in the weights'
  /// type. Throws DataError for codes outside the tables.
  /// known: [B, L, F], statics: [B, G], of a model that has them.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& marks, const at::Tensor& known = {},
                     const at::Tensor& statics = {});

 private:
  at::Tensor values_and_features(const at::Tensor& x, const at::Tensor& marks) const;
  at::Tensor calendar(const at::Tensor& codes) const;
  void add_calendar();

  EmbeddingOptions options_;
  torch::nn::Conv1d token_conv_{nullptr};
  std::shared_ptr<PositionEmbedding> position_embedding_;
  torch::nn::Linear features_{nullptr};  ///< embed timeF
  torch::nn::Linear known_embedding_{nullptr}, static_embedding_{nullptr};
  std::vector<at::Tensor> code_tables_;  ///< embed fixed, learned: one per column of codes
};

}  // namespace arzoo::forecast
