#pragma once

#include "nn/conv2d.h"
#include "nn/diagonal_gaussian.h"
#include "runtime/losses.h"
#include "shape3d/perceiver_block.h"
#include "shape3d/scale_coder.h"
#include "shape3d/shape_autoencoder.h"
#include "shape3d/triplane.h"
#include "shape3d/vat.h"
#include "shape3d/vector_codes.h"

/// VAT. B shapes, N surface points, L latents of C channels, W width, T tokens, r tokens of a plane's side.
namespace arzoo::shape3d {

/// The Gaussian, and the codebook of the rows of tokens.
class VatQuantizer : public torch::nn::Module {
 public:
  explicit VatQuantizer(const VatOptions& options);

  nn::DiagonalGaussian gaussian(const at::Tensor& latents) const;  ///< of [B, L, W]
  at::Tensor widened(const at::Tensor& z) const {
    return from_code_->forward(z);
  }  ///< [B, L, C] to [B, L, W]
  const at::Tensor& codebook() const { return codebook_; }
  void initialise();

 private:
  at::Tensor codebook_;  ///< [V, C]
  std::shared_ptr<nn::LinearLayer> to_gauss_, from_code_;
};

class Vat : public torch::nn::Module, public ShapeAutoencoder, public ScaleCoder {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit Vat(const VatOptions& options);
  const VatOptions& options() const { return options_; }

  /// The latents of surface points and normals [B, N, 6], as a distribution. kept: receives [B, L, W].
  nn::DiagonalGaussian encode(const at::Tensor& surface, at::Tensor* kept = nullptr) const;
  /// Latents [B, L, C] as their tokens code them, under autograd.
  ResidualRows::Pass quantised(const at::Tensor& z) const { return rows_.pass(z, quant_->codebook()); }
  /// The planes xz, xy, yz of latents [B, L, C]: [B, 3, c, R, R].
  at::Tensor planes(const at::Tensor& z) const;
  /// Logits [B, Q] at points [B, Q, 3] of the cube [-1, 1]^3.
  at::Tensor query(const at::Tensor& points, const at::Tensor& planes) const;

  /// The objective: binary cross-entropy, lambda_kl times the divergence, lambda_vq times the quantiser's
  /// loss. noise: [B, L, C] of the sample; quantised: phase 2. Parts: "bce", "kl", "vq"; statistics: "iou",
  /// "codes".
  runtime::Losses loss(const ShapeBatch& batch, const at::Tensor& noise, bool quantised) const;
  /// Resets code vectors to the features of a batch, those that it does not use or all; by the default
  /// generator.
  void revive(const at::Tensor& surface, bool all);

  at::Tensor code(const SurfaceClouds& clouds) override;
  std::vector<at::Tensor> opened(const at::Tensor& code) override;
  at::Tensor logits(const at::Tensor& points, const std::vector<at::Tensor>& opened) override {
    return query(points, opened.at(0));
  }
  int64_t vocabulary() const override { return options_.codes; }
  int64_t token_count() const override { return tokens_of(options_.scales); }
  torch::nn::Module& module() override { return *this; }

  const std::vector<int64_t>& scales() const override { return options_.scales; }
  int64_t input_width() const override { return options_.embed_dim; }
  at::Tensor empty_sum(int64_t batch) const override;
  at::Tensor with_scale(const at::Tensor& sum, const at::Tensor& ids, std::size_t k) const override;
  at::Tensor next_input(const at::Tensor& sum, std::size_t k) const override;

  void initialise();
  /// The type of the transformers and convolutions: points, latents, codes and logits stay in fp32.
  void set_type(at::ScalarType type) override;

 private:
  VatOptions options_;
  ResidualRows rows_;
  at::ScalarType type_ = at::kFloat;
  at::Tensor latents_, planes_;  ///< [L, W], [3 r^2, W]
  std::shared_ptr<nn::LinearLayer> input_proj_;
  std::shared_ptr<PerceiverTransformer> encoder_, decoder_;
  torch::nn::LayerNorm ln_post_, ln_dec_;
  std::shared_ptr<VatQuantizer> quant_;
  std::vector<std::shared_ptr<nn::Conv2d>> up_;
  std::vector<std::shared_ptr<nn::LinearLayer>> mlp_;
};

}  // namespace arzoo::shape3d
