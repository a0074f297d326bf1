#pragma once

#include <functional>
#include <random>
#include <span>

#include "runtime/batch_loader.h"
#include "shape3d/shape_set.h"
#include "shape3d/surface_clouds.h"

namespace arzoo::shape3d {

/// A low-resolution set has so many times fewer points (MAR-3D, Sec. 3.2).
inline constexpr int64_t kLowResFactor = 4;

/// Shapes as models see them.
struct LabelledShapes {
  ShapeBatch shapes;
  SurfaceClouds low_res;   ///< clouds of a quarter of the points, sampled anew
  SurfaceClouds partial;   ///< as low_res, of the part of each surface that one side shows
  at::Tensor labels;       ///< [B] long
  at::Tensor silhouettes;  ///< [B, 1, P, P] in [0, 1]; undefined where there are none
};

/// Clouds of one surface: n, n / 4 and n / 16 of its points, each sampled without replacement; one level
/// without a pyramid. surface: [M, 6]; returns levels [1, n_k, 6].
SurfaceClouds sample_clouds(const at::Tensor& surface, int64_t points, int64_t levels,
                            std::mt19937_64& random);

/// A set of shapes, split for training.
class ShapeData {
 public:
  /// config: resolved. Throws DataError.
  ShapeData(const Config& config, int64_t levels, const Outlines& outlines);

  int64_t size(runtime::Split split) const;
  const Shape& shape(runtime::Split split, int64_t item) const;
  /// Points, queries and outlines of these shapes, sampled by `random`; without it, each shape's are the same
  /// whenever and with whatever others it is asked for.
  LabelledShapes batch(runtime::Split split, std::span<const int64_t> items, std::mt19937_64* random) const;
  const std::vector<std::string>& class_names() const { return train_.class_names(); }
  const DataOptions& options() const { return options_; }
  int64_t levels() const { return levels_; }
  /// How many shapes there are, and what a user should know of them.
  std::vector<std::string> notes() const;

 private:
  DataOptions options_;
  int64_t levels_;
  ShapeSet train_, test_;
  std::vector<int64_t> train_items_, val_items_;
};

/// Training batches ahead of their use, and the batches of an evaluation.
class ShapeLoader {
 public:
  /// config: resolved; share: of each training batch. Throws DataError.
  ShapeLoader(const Config& config, int64_t levels, const Outlines& outlines, const Share& share = {});

  const ShapeData& data() const { return data_; }
  int64_t batches_per_epoch() const { return batches_.batches_per_epoch(); }
  /// Training batch `batch`, counted over all epochs.
  const LabelledShapes& get(int64_t batch) { return batches_.get(batch); }
  const EvaluationOptions& evaluation() const { return evaluation_; }
  /// Calls `visit` with the shapes of a split, a batch at a time; in inference mode. The sampled points are
  /// the same each time.
  void each(runtime::Split split,
            const std::function<void(std::span<const int64_t>, const LabelledShapes&)>& visit) const;
  /// A few shapes to show, and the split that they are of.
  std::pair<runtime::Split, std::vector<int64_t>> shown() const { return batches_.shown(evaluation_.shown); }

 private:
  EvaluationOptions evaluation_;
  ShapeData data_;
  runtime::BatchLoader<ShapeData, LabelledShapes> batches_;
};

}  // namespace arzoo::shape3d
