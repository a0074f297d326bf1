#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/json_fwd.h"
#include "io/mesh.h"
#include "io/picture.h"
#include "runtime/device.h"

namespace arzoo::runtime {

/// Shapes that are generated together. A shape depends on its class and seed, not on the others.
struct ShapeRequest {
  std::vector<int64_t> labels;  ///< classes() stands for no class
  std::vector<uint64_t> seeds;
};

/// How a surface is extracted.
struct SurfaceRequest {
  int64_t resolution = 128;  ///< cells along an axis
  bool dense = false;        ///< query every point of the grid
};

/// A surface, and how many points of the field were queried for it.
struct DecodedSurface {
  io::Mesh mesh;
  int64_t asked = 0;
};

/// A model that generates shapes, ready to do so.
class ShapeGenerator {
 public:
  virtual ~ShapeGenerator() = default;

  virtual int64_t classes() const = 0;
  virtual const std::vector<std::string>& class_names() const = 0;
  virtual int64_t parameters() const = 0;
  /// Steps of one batch.
  virtual int64_t steps() const = 0;
  /// All that decides a shape besides its class and seed.
  virtual const Json& settings() const = 0;

  /// From now on shapes follow this outline: a picture of a shape on white. Throws DataError; UsageError
  /// where the model cannot.
  virtual void follow(const io::Picture& picture) = 0;
  /// From now on shapes complete this part of a surface, which lies in the cube [-1, 1]^3. Throws DataError
  /// for one that does not; UsageError where the model cannot.
  virtual void complete(const io::Mesh& part) = 0;

  /// What a batch is made of, one entry per shape. watch: called after each step.
  virtual at::Tensor sample(const ShapeRequest& request,
                            const std::function<void(int64_t)>& watch = {}) const = 0;
  /// The surface of one shape: an entry of what sample() returned.
  virtual DecodedSurface surface(const at::Tensor& sampled, const SurfaceRequest& request) const = 0;
};

/// Opens a run directory or model folder. sampling: the options of generation that were asked for, by key
/// (runtime/generation_options.h). Throws CheckpointError, ConfigError, UsageError.
using ShapeModel = std::unique_ptr<ShapeGenerator> (*)(const std::filesystem::path& model,
                                                       const Json& sampling, const Compute& compute);

}  // namespace arzoo::runtime
