#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>

namespace arzoo::forecast {

/// The table of sinusoidal positions that official checkpoints hold as `pe` [1, 5000, D].
class PositionEmbedding : public torch::nn::Module {
 public:
  static constexpr int64_t kLongest = 5000;

  explicit PositionEmbedding(int64_t d_model);
  /// The first `length` positions, [1, length, D].
  at::Tensor forward(int64_t length) const { return pe_.narrow(1, 0, length); }

 private:
  at::Tensor pe_;
};

/// Patches of a series as tokens: a linear map without bias, positions, dropout (PatchTST; the
/// Time-Series-Library's PatchEmbedding).
class PatchEmbedding : public torch::nn::Module {
 public:
  PatchEmbedding(int64_t patch_len, int64_t d_model, double dropout);
  /// patches: [B, N, patch_len]; returns [B, N, D].
  at::Tensor forward(const at::Tensor& patches);

 private:
  double dropout_;
  torch::nn::Linear value_embedding_{nullptr};
  std::shared_ptr<PositionEmbedding> position_embedding_;
};

}  // namespace arzoo::forecast
