#pragma once

#include "runtime/losses.h"
#include "shape3d/g3pt_vq.h"
#include "shape3d/lookup_free_quantizer.h"
#include "shape3d/scale_coder.h"
#include "shape3d/shape_vae_model.h"

/// The tokenizer of G3PT. B shapes, L latents of width W, K scales of L_k tokens, T tokens in all, Q points.
namespace arzoo::shape3d {

/// Attention alone, under the perceiver's names: no residual, no feed-forward layer. Norms are its user's.
class QueryAttention : public torch::nn::Module {
 public:
  explicit QueryAttention(const PerceiverOptions& options);
  /// queries: [B, N, W]; data: [B, M, W]; returns [B, N, W].
  at::Tensor forward(const at::Tensor& queries, const at::Tensor& data) const;

 private:
  int64_t heads_;
  std::shared_ptr<nn::LinearLayer> c_q_, c_kv_, c_proj_;
};

/// Cross-scale vector quantisation: at each scale learned queries read tokens from what the scales before
/// left over, and others spread the tokens' codes over all latents.
class CrossScaleQuantizer : public torch::nn::Module {
 public:
  explicit CrossScaleQuantizer(const G3ptVqOptions& options);

  /// What scale k reads of latents [B, L, W]: [B, L_k, W].
  at::Tensor pooled(const at::Tensor& z, std::size_t k) const;
  /// What codes [B, L_k, W] of scale k come to: [B, L, W].
  at::Tensor spread(const at::Tensor& codes, std::size_t k) const;
  const LookupFreeQuantizer& lfq() const { return *lfq_; }

  /// A pass under autograd; gradients flow through what is left over.
  struct Pass {
    std::vector<at::Tensor> sums;  ///< after each scale, [B, L, W]
    at::Tensor ids;                ///< [B, T] long
    at::Tensor numbers;            ///< [B, T, bits], before the signs
    std::vector<LookupFreeQuantizer::Pass> scales;
    at::Tensor loss;  ///< the mean over the scales
  };
  Pass train_pass(const at::Tensor& z) const;
  /// Tokens [B, T] long.
  at::Tensor tokens(const at::Tensor& z) const;
  void initialise(double stddev);

 private:
  std::vector<at::Tensor> down_query_, up_query_;  ///< [L_k, W], [L, W]
  std::shared_ptr<QueryAttention> down_, up_;
  torch::nn::LayerNorm ln_down_q_, ln_down_kv_, ln_up_q_, ln_up_kv_;
  std::shared_ptr<LookupFreeQuantizer> lfq_;
};

class G3ptVq : public torch::nn::Module, public ShapeAutoencoder, public ScaleCoder {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit G3ptVq(const G3ptVqOptions& options);
  const G3ptVqOptions& options() const { return options_; }
  const CrossScaleQuantizer& quantizer() const { return *quant_; }

  /// The latents of surface points and normals [B, N, 6]: [B, L, W].
  at::Tensor encode(const at::Tensor& surface);
  /// Logits [B, Q] at points [B, Q, 3] of latents or of a sum of codes, [B, L, W].
  at::Tensor decode(const at::Tensor& points, const at::Tensor& z);

  /// The objective: binary cross-entropy, and the quantiser's losses in phase 2. Parts: "bce", "lfq";
  /// statistics: "iou", "codes".
  runtime::Losses loss(const ShapeBatch& batch, bool quantised);

  at::Tensor code(const SurfaceClouds& clouds) override;
  std::vector<at::Tensor> opened(const at::Tensor& code) override;
  at::Tensor logits(const at::Tensor& points, const std::vector<at::Tensor>& opened) override;
  int64_t vocabulary() const override { return options_.codes(); }
  int64_t token_count() const override { return tokens_of(options_.scales); }
  torch::nn::Module& module() override { return *this; }

  const std::vector<int64_t>& scales() const override { return options_.scales; }
  int64_t input_width() const override { return options_.width; }
  at::Tensor empty_sum(int64_t batch) const override;
  at::Tensor with_scale(const at::Tensor& sum, const at::Tensor& ids, std::size_t k) const override;
  at::Tensor next_input(const at::Tensor& sum, std::size_t k) const override;

  void initialise();
  /// The type of encoder and decoder: points, latents, the quantiser and logits stay in fp32.
  void set_type(at::ScalarType type) override;

 private:
  G3ptVqOptions options_;
  at::ScalarType type_ = at::kFloat;
  std::shared_ptr<ShapeEncoder> encoder_;
  torch::nn::LayerNorm ln_z_;
  std::shared_ptr<CrossScaleQuantizer> quant_;
  std::shared_ptr<PerceiverTransformer> transformer_;
  std::shared_ptr<ShapeDecoder> decoder_;
};

}  // namespace arzoo::shape3d
