#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <vector>

#include "shape3d/field_refinement.h"
#include "shape3d/model_folder.h"
#include "shape3d/surface_clouds.h"

namespace arzoo::shape3d {

/// The cube whose surface is decoded, officially: [-1.05, 1.05]^3.
constexpr double kFieldHalf = 1.05;

/// A model that codes shapes and decodes them to a field, as evaluation, tables, generators and token files
/// see it. Points lie in the cube [-1, 1]^3. B shapes, Q points.
class ShapeAutoencoder {
 public:
  virtual ~ShapeAutoencoder() = default;

  /// Clouds of falling density that a shape is read from.
  virtual int64_t levels() const { return 1; }
  /// What shapes are coded to, for inference: an entry per shape.
  virtual at::Tensor code(const SurfaceClouds& clouds) = 0;
  /// What points are asked about: of a code, tensors with an entry per shape.
  virtual std::vector<at::Tensor> opened(const at::Tensor& code) = 0;
  /// points: [B, Q, 3] fp32; returns logits [B, Q] fp32, of at least level() inside.
  virtual at::Tensor logits(const at::Tensor& points, const std::vector<at::Tensor>& opened) = 0;
  virtual double level() const { return 0.0; }
  /// Half the side of the cube that holds the surface.
  virtual double field_half() const { return kFieldHalf; }
  /// Codes of tokens: how many values a token has; 0 for codes that are numbers.
  virtual int64_t vocabulary() const { return 0; }
  /// Tokens of a shape, where the code is tokens.
  virtual int64_t token_count() const { return 0; }
  /// The type that it computes in, for inference. Weights become memory as it comes.
  virtual void set_type(at::ScalarType type) = 0;
  /// The model itself.
  virtual torch::nn::Module& module() = 0;
};

/// The model in a folder, with its weights in this type, for inference. Throws CheckpointError, UsageError
/// for the folder of a model that codes no shapes.
std::shared_ptr<ShapeAutoencoder> load_autoencoder(const ModelFolder& folder, at::ScalarType type);

}  // namespace arzoo::shape3d
