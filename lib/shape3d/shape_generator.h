#pragma once

#include <functional>

#include "io/picture.h"
#include "runtime/device.h"
#include "shape3d/latent_surface.h"
#include "shape3d/mar3d_model.h"
#include "shape3d/shape_folder.h"

namespace arzoo::shape3d {

/// How shapes are drawn; what is empty is decided by the model's folder.
struct ShapeRequestOptions {
  std::optional<double> cfg, temperature;
  std::optional<int64_t> num_iter;
};

/// Shapes that are drawn together. A shape depends on its class and seed, not on the others.
struct ShapeRequest {
  std::vector<int64_t> labels;  ///< classes() stands for no class
  std::vector<uint64_t> seeds;
};

/// A MAR-3D with its shape VAE, ready to draw.
class ShapeGenerator {
 public:
  /// Throws CheckpointError, ConfigError, UsageError for what is no MAR-3D's folder.
  ShapeGenerator(const std::filesystem::path& model, const ShapeRequestOptions& options,
                 const runtime::Compute& compute);

  int64_t classes() const { return model_->options().class_num; }
  const std::vector<std::string>& class_names() const { return folder_.classes; }
  int64_t parameters() const;
  /// Steps of one batch's tokens, of both stages.
  int64_t steps() const;
  /// All that decides a shape besides its class and seed.
  const Json& settings() const { return settings_; }

  /// From now on shapes follow this outline: a picture of a shape on white. Throws DataError.
  void follow(const io::Picture& picture);
  /// From now on shapes complete this part of a surface, which lies in the cube [-1, 1]^3. Throws DataError
  /// for one that does not.
  void complete(const io::Mesh& part);

  /// Tokens [B, L, C] of a batch. watch: after each step.
  at::Tensor sample(const ShapeRequest& request, const std::function<void(int64_t)>& watch = {}) const;
  /// The surface of one shape's tokens, [L, C].
  DecodedSurface surface(const at::Tensor& tokens, const SurfaceOptions& options) const;

 private:
  GivenOfShape given_of(const ShapeRequest& request) const;

  ShapeFolder folder_;
  std::shared_ptr<Mar3d> model_;
  std::shared_ptr<ShapeVae> vae_;
  nn::MaskedSampling sampling_;
  at::Device device_;
  Json settings_;
  at::Tensor outline_, part_;  ///< [1, 1, P, P], [1, n, C]; undefined where none is given
};

}  // namespace arzoo::shape3d
