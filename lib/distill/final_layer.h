#pragma once

#include "nn/linear_layer.h"

/// What all students of Distilled Decoding 1 have.
namespace arzoo::distill {

/// The rows of a table [2, D] for `all` tokens of which the first `data` are data and the others noise: [1,
/// all, D]. Row 0 stands for noise.
at::Tensor kind_rows(const at::Tensor& table, int64_t data, int64_t all);

/// Reads the token itself, LN(x) (1 + scale) + shift through a linear map, where the class shifts a table of
/// both (Chen et al., PixArt-alpha, ICLR 2024).
class FinalLayer : public torch::nn::Module {
 public:
  FinalLayer(int64_t width, int64_t channels);
  /// x: [B, T, D]; condition: [B, D]; returns [B, T, channels].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& condition) const;

 private:
  std::shared_ptr<nn::LinearLayer> linear_;
  at::Tensor scale_shift_table_;  ///< [2, D]: shift, scale
};

}  // namespace arzoo::distill
