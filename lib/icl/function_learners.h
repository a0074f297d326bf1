#pragma once

#include "icl/akyurek_causal_lm.h"
#include "icl/garg_gpt2.h"
#include "icl/in_context_learner.h"
#include "nn/gpt_blocks.h"
#include "runtime/other_names.h"

namespace arzoo::icl {

/// Garg et al., under the names of the official state dict ("_read_in", "_backbone", "_read_out").
class GargGpt2 : public FunctionLearner, public runtime::OtherNames {
 public:
  /// points: the most of a prompt.
  GargGpt2(const GargGpt2Options& options, int64_t dims, int64_t points);

  at::Tensor predict(const at::Tensor& xs, const at::Tensor& ys) override;
  /// Mean squared error over all points.
  at::Tensor loss(const at::Tensor& xs, const at::Tensor& ys) override;
  void initialise() override;

  /// x_1, (y_1, 0 …), x_2, …: [B, 2 P, d].
  static at::Tensor interleaved(const at::Tensor& xs, const at::Tensor& ys);
  /// The blocks' output at each token, [B, 2 P, D]. trace: as nn::DecoderPass.
  at::Tensor hidden(const at::Tensor& tokens, nn::DecoderTrace* trace = nullptr);
  at::Tensor embedded(const at::Tensor& tokens) const;

  /// GPT-2's token table, which published checkpoints have, means nothing here.
  std::vector<std::pair<std::string, std::string>> other_names() const override;

 private:
  nn::Affine read_in_, read_out_;
  std::shared_ptr<nn::GptBlocks> backbone_;
};

/// Akyürek et al., under the flax parameter paths.
class AkyurekCausalLm : public FunctionLearner {
 public:
  /// points: the most of a prompt; max_len: positions, 2 (points + 1) in the official code.
  AkyurekCausalLm(const AkyurekOptions& options, int64_t dims, int64_t max_len);

  at::Tensor predict(const at::Tensor& xs, const at::Tensor& ys) override;
  /// The squared errors of a token, summed over what it predicts, in the mean over tokens.
  at::Tensor loss(const at::Tensor& xs, const at::Tensor& ys) override;
  void initialise() override;

  /// Rows (0, x) and (y, 0 …): [B, 2 P, d + 1].
  static at::Tensor rows(const at::Tensor& xs, const at::Tensor& ys);
  /// What follows each row but the last, as the model says: [B, 2 P - 1, 1], or [B, 2 P - 1, d + 1] with
  /// loss_on_x_steps.
  at::Tensor predict_rows(const at::Tensor& rows, nn::DecoderTrace* trace = nullptr);
  /// The errors that the loss is the mean of: [B, P], or [B, 2 P - 1] with loss_on_x_steps.
  at::Tensor errors(const at::Tensor& rows, const at::Tensor& predicted) const;

 private:
  /// The official attention keeps queries, keys and values apart, kernels [in, H, E].
  struct Block {
    nn::Affine norm_1, norm_2, up, down, query, key, value, out;
  };
  nn::Affine dense(const std::string& path, at::IntArrayRef kernel, at::IntArrayRef bias);
  nn::Affine norm(const std::string& path);
  nn::DecoderWeights weights() const;

  AkyurekOptions options_;
  nn::DecoderOptions sizes_;
  nn::Decoder decoder_;
  nn::Affine read_in_, read_out_, final_norm_;
  at::Tensor positions_;  ///< [1, max_len, D]
  std::vector<Block> blocks_;
};

}  // namespace arzoo::icl
