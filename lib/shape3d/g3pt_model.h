#pragma once

#include <functional>

#include "nn/decoder.h"
#include "nn/linear_layer.h"
#include "nn/token_sampler.h"
#include "runtime/losses.h"
#include "shape3d/g3pt.h"
#include "shape3d/scale_coder.h"

namespace arzoo::shape3d {

/// The generator of G3PT. B shapes, K scales of L_k tokens, T tokens of the scales that are read, M rows of a
/// condition, V codes, D width.
///
/// The sequence is the condition, the start (L_0 rows), and for each later scale what the tokenizer makes of
/// the scales before it. A row sees the condition, its own scale and coarser ones; a row of the condition
/// sees the condition alone. Attention is by cosines, with a learned temperature per head.
class G3pt : public torch::nn::Module {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit G3pt(const G3ptOptions& options);
  const G3ptOptions& options() const { return options_; }

  /// Teacher forcing: logits [B, T, V] of the first `scales` scales. condition: [B, M, cond_dim]; inputs:
  /// what the tokenizer gives for the scales after the first, [B, at least T - L_0, width].
  at::Tensor forward(const at::Tensor& condition, const at::Tensor& inputs, std::size_t scales) const;
  /// Cross-entropy over all tokens of these scales. ids: [B, all tokens] long.
  runtime::Losses loss(const at::Tensor& condition, const at::Tensor& inputs, const at::Tensor& ids,
                       std::size_t scales) const;
  /// The same scales' share that is learnt first.
  std::size_t half_of_scales() const { return (options_.scales.size() + 1) / 2; }
  /// The condition of classes, [B] long: [B, 1, cond_dim], 1 at the class.
  at::Tensor of_classes(const at::Tensor& labels) const;
  /// No condition, of `batch` samples.
  at::Tensor no_condition(int64_t batch) const;

  /// What grows while scales are generated.
  struct Generation {
    std::vector<nn::KvCache> layers;
    std::size_t scale = 0;
  };
  /// Reads the condition.
  Generation begin(const at::Tensor& condition) const;
  /// The logits of the next scale, [B, L_k, V] fp32. input: [B, L_k, width], undefined for scale 0.
  at::Tensor next(Generation& generation, const at::Tensor& input) const;

  void initialise();
  /// The type of the blocks' maps, for inference; logits stay in fp32. Weights become memory as it comes.
  void set_type(at::ScalarType type);

 private:
  struct Block {
    torch::nn::LayerNorm ln_1{nullptr}, ln_2{nullptr};
    std::shared_ptr<nn::LinearLayer> attn, proj, up, down;
    at::Tensor scale;  ///< logarithms of the temperatures, [H, 1, 1]
  };
  nn::DecoderWeights weights() const;
  /// The rows of scale k, [B, L_k, D].
  at::Tensor rows(const at::Tensor& input, std::size_t k, int64_t batch) const;
  at::Tensor pass(const at::Tensor& x, const at::Tensor& bias, std::vector<nn::KvCache>* caches) const;
  at::Tensor attended(std::size_t layer, const nn::QkvHeads& heads, const at::Tensor& bias,
                      std::vector<nn::KvCache>* caches) const;

  G3ptOptions options_;
  nn::Decoder decoder_;
  at::ScalarType type_ = at::kFloat;
  at::Tensor start_, pos_, level_, null_;
  std::shared_ptr<nn::LinearLayer> cond_proj_, word_embed_, head_;
  std::vector<Block> blocks_;
  torch::nn::LayerNorm ln_f_{nullptr};
};

/// How shapes are sampled scale by scale.
struct ScaleSampling {
  double cfg = 1.0;
  nn::TokenSampling tokens = {};
};
ScaleSampling scale_sampling(const G3ptGenerationOptions& options);

/// One scale of a generation: its guided logits, [B, L_k, V], before any code is ruled out.
using ScaleWatcher = std::function<void(std::size_t scale, const at::Tensor& logits)>;

/// Tokens [B, T] long of shapes with this condition, and their sum where `sum` is given.
at::Tensor generate_scales(const G3pt& model, const ScaleCoder& coder, const at::Tensor& condition,
                           const ScaleSampling& sampling, nn::TokenRandomInputs& random_inputs,
                           const ScaleWatcher& watch = {}, at::Tensor* sum = nullptr);

}  // namespace arzoo::shape3d
