#pragma once

#include "runtime/losses.h"
#include "shape3d/local_pool_point_net.h"
#include "shape3d/shape_autoencoder.h"
#include "shape3d/vector_codes.h"

/// Stage 1 of Argus3D. B shapes, N surface points, Q queried points, C channels and R cells of a plane's
/// side, h = R / 8, L = h^2 tokens. Coordinates are those of the unit cube [-0.5, 0.5]^3.
namespace arzoo::shape3d {

/// Points of the cube [-1, 1]^3 in the unit cube.
inline at::Tensor unit_cube(const at::Tensor& points) { return points * 0.5; }

/// The three planes of shapes, [B, C, R, R] each.
using Triplane = std::array<at::Tensor, 3>;

/// Three planes to one map of tokens and back, the official class of the same name.
class TriplaneQuantizer : public torch::nn::Module {
 public:
  explicit TriplaneQuantizer(const Argus3dVqOptions& options);

  /// What is quantised, [B, h, h, reduce_dim].
  at::Tensor merged(const Triplane& planes, runtime::Trace* trace = nullptr);
  /// Planes of code vectors [B, h, h, reduce_dim].
  Triplane planes(const at::Tensor& codes, runtime::Trace* trace = nullptr);
  /// [V, reduce_dim].
  const at::Tensor& codebook() const { return codebook_; }
  void initialise();

 private:
  int64_t c_dim_;
  at::Tensor codebook_;
  std::shared_ptr<UNet2d> unet_after_quant_, unet_2d_;
  std::shared_ptr<nn::LinearLayer> project1_, project2_;
  std::vector<std::shared_ptr<nn::Conv2d>> encode_, down_, up_, decode_;
};

/// From planes to occupancy at points, which do not see one another.
class LocalDecoder : public torch::nn::Module {
 public:
  explicit LocalDecoder(const Argus3dVqOptions& options);
  /// points: [B, Q, 3]; returns logits [B, Q].
  at::Tensor forward(const at::Tensor& points, const Triplane& planes) const;
  void initialise();

 private:
  double padding_;
  bool nearest_, leaky_;
  std::shared_ptr<nn::LinearLayer> fc_p_, fc_out_;
  std::vector<std::shared_ptr<nn::LinearLayer>> fc_c_;
  std::vector<std::shared_ptr<ResnetBlockFc>> blocks_;
};

/// The tri-plane VQ auto-encoder, with the official names.
class Argus3dVq : public torch::nn::Module, public ShapeAutoencoder {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit Argus3dVq(const Argus3dVqOptions& options);
  const Argus3dVqOptions& options() const { return options_; }

  /// Tokens [B, L] long, row by row, of surface points [B, N, 3].
  at::Tensor tokens(const at::Tensor& points, runtime::Trace* trace = nullptr);
  /// The planes of tokens [B, L] long. Throws DataError for another number of tokens.
  Triplane planes(const at::Tensor& ids, runtime::Trace* trace = nullptr);
  /// Logits [B, Q] at points [B, Q, 3]. Inside are those of at least level().
  at::Tensor query(const at::Tensor& points, const Triplane& planes) const {
    return decoder_->forward(points, planes);
  }
  /// The logit at the surface, of the options' threshold.
  double level() const override;

  /// A training pass, under autograd.
  struct Pass {
    at::Tensor logits, vq_loss, ids;  ///< [B, Q], scalar, [B, L] long
  };
  Pass train_pass(const at::Tensor& points, const at::Tensor& queries, runtime::Trace* trace = nullptr);
  /// The objective: cross-entropy summed over a shape's points, and the codebook's losses. occupancies: [B,
  /// Q], 1 inside. Parts: "rec", "vq"; statistics: "iou", "codes", how many codes the batch uses.
  runtime::Losses loss(const at::Tensor& points, const at::Tensor& queries, const at::Tensor& occupancies);

  /// Replaces the code vectors, all or those that these surface points [B, N, 3] do not use, by features of
  /// the points. The official codebook starts within 1 / embedding_num of 0, where nearly all features have
  /// one and the same nearest vector, and vectors that are not used never move.
  void revive(const at::Tensor& points, bool all);

  /// The code of a shape is its tokens, [L] long; opened, it is the planes.
  at::Tensor code(const SurfaceClouds& clouds) override;
  std::vector<at::Tensor> opened(const at::Tensor& code) override;
  at::Tensor logits(const at::Tensor& points, const std::vector<at::Tensor>& opened) override;
  double field_half() const override { return 1.0 + options_.padding; }
  int64_t vocabulary() const override { return options_.embedding_num; }
  int64_t token_count() const override { return options_.tokens(); }
  torch::nn::Module& module() override { return *this; }

  /// The official start.
  void initialise();
  /// The type of the convolutions, for inference: points, codes and logits stay in fp32. Weights become
  /// memory as it comes.
  void set_type(at::ScalarType type) override;

 private:
  Argus3dVqOptions options_;
  std::shared_ptr<LocalPoolPointNet> encoder_;
  std::shared_ptr<TriplaneQuantizer> quantizer_;
  std::shared_ptr<LocalDecoder> decoder_;
};

}  // namespace arzoo::shape3d
