#pragma once

#include "nn/masked_generator.h"
#include "shape3d/mar3d.h"

namespace arzoo::shape3d {

/// A masked generator of shape tokens with the official names. Its buffer holds the condition's rows and, of
/// MAR-HR, behind them the few tokens of MAR-LR, mapped by low_res_emb.
class ShapeMar : public nn::MaskedGenerator {
 public:
  /// buffer: all rows; low_tokens: those of MAR-LR among them, 0 for MAR-LR itself. The weights are memory as
  /// it comes until they are loaded or initialised.
  ShapeMar(const ShapeMarOptions& options, int64_t token_width, int64_t buffer, int64_t low_tokens);

  /// [B, buffer, D] of the condition's rows and, of MAR-HR, of low-resolution tokens [B, n, C].
  at::Tensor condition(const at::Tensor& rows, const at::Tensor& low_res = {}) const;
  void initialise() { initialise_core(); }

 private:
  std::shared_ptr<nn::LinearLayer> low_res_emb_;
};

/// Condition augmentation: share * noise + (1 - share) * tokens. share: [B] or a number of each sample.
at::Tensor augmented(const at::Tensor& tokens, const at::Tensor& noise, const at::Tensor& share);

}  // namespace arzoo::shape3d
