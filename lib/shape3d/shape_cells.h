#pragma once

#include <filesystem>
#include <string>

#include "core/config.h"
#include "core/progress.h"
#include "runtime/suite_cell.h"

namespace arzoo::shape3d {

/// A cell of a table that compares shapes with real ones: reconstructions of a model that codes
/// shapes, or shapes that a model generates.
struct ShapeCellOptions {
  std::string shapes;
  std::string model;
  int64_t count = 64;
  int64_t resolution = 128;
  int64_t points = 20000;
  int64_t seed = 0;
  int64_t smooth = -1;
  int64_t triangles = -1;
  Json sampling = Json::object();

  static void fields(auto& o, auto& field) {
    field("shapes", o.shapes, {},
          "the real ones: a folder of closed meshes, or \"solids\": generated solids of all kinds with "
          "numbers that no training uses");
    field("model", o.model, {},
          "a model that codes shapes (shape_vae, argus3d_vq, …), which reconstructs them, or one that "
          "generates "
          "shapes of its classes in turn");
    field("count", o.count, between(1, 10000),
          "shapes to reconstruct, or to generate and to compare with as many");
    field("resolution", o.resolution, between(8, 512), "cells along an axis of the meshes");
    field("points", o.points, at_least(1), "points of the cube at which volume IoU is measured");
    field("seed", o.seed, at_least(0), "seed of the generation");
    field("smooth", o.smooth, between(-1, 10000),
          "steps of smoothing (generate-3d's), -1: as a generator's folder says, else none");
    field("triangles", o.triangles, between(-1, 1e9),
          "reduce each mesh to about so many triangles (generate-3d's), -1: as for smooth");
    field("sampling", o.sampling, {}, "other options of a generator, instead of its folder's");
  }
  void check() const {
    require(!shapes.empty() && !model.empty(), "shapes and model are needed");
    require(sampling.is_object(), "sampling must be an object of options");
  }
};

/// A cell of shapes. Its run returns {"test": {…}, "shapes"}. Of a model that codes shapes test/"iou",
/// "chamfer", "f_0.01", "f_0.02", "nc" (lib/shape3d/shape_metrics.h; 100 000 points of each surface); of a
/// generator "mmd", "coverage", "1-nna" (lib/shape3d/generation_metrics.h; 2048 points of each); of both
/// "watertight", the share of closed meshes, and "seconds_per_shape"; of codes "bytes_per_shape". Throws
/// DataError, CheckpointError.
std::shared_ptr<const runtime::Evaluation> read_shape_cell(const Config& cell,
                                                           const runtime::CellContext& context);

}  // namespace arzoo::shape3d
