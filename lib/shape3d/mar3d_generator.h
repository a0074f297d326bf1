#pragma once

#include "runtime/shape_generator.h"
#include "shape3d/mar3d_model.h"
#include "shape3d/model_folder.h"
#include "shape3d/shape_vae_model.h"
#include "shape3d/surface_cleaning.h"

namespace arzoo::shape3d {

/// A MAR-3D with its shape VAE, ready to generate.
class Mar3dGenerator : public runtime::ShapeGenerator {
 public:
  /// sampling: the options of generation that were asked for. Throws CheckpointError, ConfigError; UsageError
  /// for what is no MAR-3D's folder and for options that it does not have.
  Mar3dGenerator(const std::filesystem::path& model, const Json& sampling, const runtime::Compute& compute);

  int64_t classes() const override { return model_->options().class_num; }
  const std::vector<std::string>& class_names() const override { return folder_.classes; }
  int64_t parameters() const override;
  /// Steps of one batch's tokens, of both stages.
  int64_t steps() const override;
  /// All that decides a shape besides its class and seed.
  const Json& settings() const override { return settings_; }

  /// From now on shapes follow this outline: a picture of a shape on white. Throws DataError.
  void follow(const io::Picture& picture) override;
  /// From now on shapes complete this part of a surface, which lies in the cube [-1, 1]^3. Throws DataError
  /// for one that does not.
  void complete(const io::Mesh& part) override;

  /// Tokens [B, L, C] of a batch. watch: after each step.
  at::Tensor sample(const runtime::ShapeRequest& request,
                    const std::function<void(int64_t)>& watch = {}) const override;
  /// The surface of one shape's tokens, [L, C].
  runtime::DecodedSurface surface(const at::Tensor& tokens,
                                  const runtime::SurfaceRequest& request) const override;

 private:
  GivenOfShape given_of(const runtime::ShapeRequest& request) const;

  ModelFolder folder_;
  std::shared_ptr<Mar3d> model_;
  std::shared_ptr<ShapeVae> vae_;
  nn::MaskedSampling sampling_;
  SurfaceCleaning cleaning_;
  at::Device device_;
  Json settings_;
  at::Tensor outline_, part_;  ///< [1, 1, P, P], [1, n, C]; undefined where none is given
};

/// What the entry of mar3d offers.
std::unique_ptr<runtime::ShapeGenerator> open_mar3d_generator(const std::filesystem::path& model,
                                                              const Json& sampling,
                                                              const runtime::Compute& compute);

}  // namespace arzoo::shape3d
