#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>

#include "forecast/layers/position_embedding.h"

namespace arzoo::forecast {

/// Patches of a series as tokens: a linear map without bias, positions, dropout (PatchTST; the
/// Time-Series-Library's PatchEmbedding).
class PatchEmbedding : public torch::nn::Module {
 public:
  /// `longest`: patches of the longest input, which the table of positions then has rows for.
  PatchEmbedding(int64_t patch_len, int64_t d_model, double dropout,
                 int64_t longest = PositionEmbedding::kOfficialRows);
  /// patches: [B, N, patch_len]; returns [B, N, D].
  at::Tensor forward(const at::Tensor& patches);

 private:
  double dropout_;
  torch::nn::Linear value_embedding_{nullptr};
  std::shared_ptr<PositionEmbedding> position_embedding_;
};

}  // namespace arzoo::forecast
