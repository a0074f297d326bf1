#pragma once

#include "nn/diagonal_gaussian.h"
#include "shape3d/fourier_embedding.h"
#include "shape3d/perceiver_block.h"
#include "shape3d/shape_autoencoder.h"
#include "shape3d/shape_vae.h"

namespace arzoo::shape3d {

/// From surface points to tokens (Sec. 3.1): X = SelfAttn(sum_k CrossAttn_k(S, P_k)). Each cross block keeps
/// its own residual of the queries, so a pyramid's sum holds them three times, as officially.
class ShapeEncoder : public torch::nn::Module {
 public:
  explicit ShapeEncoder(const ShapeVaeOptions& options);
  /// Returns [B, L, W].
  at::Tensor forward(const SurfaceClouds& clouds, runtime::Trace* trace);
  void initialise(double stddev);
  /// The type of all but the first map, which sees coordinates.
  void set_type(at::ScalarType type);

 private:
  at::Tensor project(const at::Tensor& cloud, runtime::Trace* trace) const;
  at::Tensor queries(const SurfaceClouds& clouds, const at::Tensor& data) const;

  ShapeVaeOptions options_;
  at::ScalarType type_ = at::kFloat;
  at::Tensor query_;  ///< [L, W], without use_downsample
  std::shared_ptr<nn::LinearLayer> input_proj_;
  std::vector<std::shared_ptr<PerceiverCrossBlock>> cross_;
  std::shared_ptr<PerceiverTransformer> self_attn_;
  torch::nn::LayerNorm ln_post_{nullptr};
};

/// From tokens to occupancy at points, which do not see one another.
class ShapeDecoder : public torch::nn::Module {
 public:
  explicit ShapeDecoder(const ShapeVaeOptions& options);
  KeysValues read(const at::Tensor& latents) { return cross_attn_decoder_->read(latents); }
  /// points: [B, Q, 3] fp32; returns logits [B, Q] fp32, >= 0 inside.
  at::Tensor forward(const at::Tensor& points, const KeysValues& latents, runtime::Trace* trace);
  void initialise(double stddev);
  /// The type of all but the first and the last map, which see coordinates and make logits.
  void set_type(at::ScalarType type);

 private:
  FourierOptions embedding_;
  std::shared_ptr<nn::LinearLayer> query_proj_, output_proj_;
  std::shared_ptr<PerceiverCrossBlock> cross_attn_decoder_;
  torch::nn::LayerNorm ln_post_;
  at::ScalarType type_ = at::kFloat;
};

/// The shape VAE. Weights are memory as it comes until they are loaded or initialised.
class ShapeVae : public torch::nn::Module, public ShapeAutoencoder {
 public:
  explicit ShapeVae(const ShapeVaeOptions& options);
  const ShapeVaeOptions& options() const { return options_; }

  /// Throws DataError for clouds of another number or width than the options say. trace: intermediate
  /// results, under the names of fixture folders.
  nn::DiagonalGaussian encode(const SurfaceClouds& clouds, runtime::Trace* trace = nullptr);
  /// What points are asked about: z [B, L, C] to [B, L, W].
  at::Tensor decode(const at::Tensor& z, runtime::Trace* trace = nullptr);
  KeysValues read(const at::Tensor& latents) { return decoder_->read(latents); }
  /// Logits [B, Q] at points [B, Q, 3].
  at::Tensor query(const at::Tensor& points, const KeysValues& latents, runtime::Trace* trace = nullptr);

  /// The code of a shape is its posterior's mean, [L, C]; opened, it is keys and values.
  int64_t levels() const override { return options_.levels(); }
  at::Tensor code(const SurfaceClouds& clouds) override { return encode(clouds).mean; }
  std::vector<at::Tensor> opened(const at::Tensor& code) override;
  at::Tensor logits(const at::Tensor& points, const std::vector<at::Tensor>& opened) override {
    return query(points, {opened.at(0), opened.at(1)});
  }
  torch::nn::Module& module() override { return *this; }

  /// The official initialisation (Sec. 2.5 of the reference notes: width and init_scale decide).
  void initialise();
  /// The type of the transformers, for inference: coordinates, latents and logits stay fp32. Weights become
  /// memory as it comes.
  void set_type(at::ScalarType type) override;

 private:
  ShapeVaeOptions options_;
  std::shared_ptr<ShapeEncoder> encoder_;
  std::shared_ptr<nn::LinearLayer> pre_kl_, post_kl_;
  std::shared_ptr<PerceiverTransformer> transformer_;
  std::shared_ptr<ShapeDecoder> decoder_;
};

inline std::shared_ptr<ShapeVae> load_shape_vae(const ModelFolder& folder, at::ScalarType type) {
  return load_model<ShapeVae, ShapeVaeOptions>(folder, type);
}

}  // namespace arzoo::shape3d
