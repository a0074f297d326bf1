#pragma once

#include <torch/nn/module.h>

#include <cstdint>

namespace arzoo::forecast {

/// The table of sinusoidal positions that official checkpoints hold as `pe` [1, 5000, D]. The official code
/// ends there; here a longer input has a longer table.
class PositionEmbedding : public torch::nn::Module {
 public:
  static constexpr int64_t kOfficialRows = 5000;

  explicit PositionEmbedding(int64_t d_model, int64_t longest = kOfficialRows);
  /// The first `length` positions, [1, length, D].
  at::Tensor forward(int64_t length) const { return pe_.narrow(1, 0, length); }

 private:
  at::Tensor pe_;
};

}  // namespace arzoo::forecast
