#pragma once

#include "core/config.h"

namespace arzoo::shape3d {

/// The "data" section of a shape model's config. No torch in here.
struct DataOptions {
  std::string path;
  std::string test_path;
  std::vector<std::string> solids;
  int64_t count = 1000;
  int64_t surface_points = 512;
  bool low_res = false;
  int64_t queries = 512;
  double near_share = 0.5;
  double near_sigma = 0.05;
  double validation = 0.05;
  std::string tokenizer;

  static void fields(auto& o, auto& field) {
    field("path", o.path, a_path(),
          "closed meshes to train on, relative to the config file: a folder of OBJ, PLY, STL, OFF and GLB "
          "files, "
          "or of a sub-folder per class; empty for none");
    field("test_path", o.test_path, a_path(),
          "closed meshes to test on, of the same kind as path; empty for solids");
    field("solids", o.solids, {},
          "kinds of generated solids to train on: ball, box, can, ring, dumbbell, table, chair, mug; empty "
          "for all when there is no path, else for none");
    field("count", o.count, between(1, 1e6), "number of solids of all kinds together");
    field("surface_points", o.surface_points, between(8, 1e6),
          "points of the finest cloud; a pyramid's others have a quarter and a sixteenth");
    field("low_res", o.low_res, {},
          "shape_vae: train each step on clouds of a quarter of the points as well, as MAR-LR's tokens need "
          "it");
    field("queries", o.queries, between(2, 1e6), "points of a shape whose occupancy is learnt in a step");
    field("near_share", o.near_share, between(0, 1),
          "share of them that lies near the surface, the rest anywhere");
    field("near_sigma", o.near_sigma, more_than(0),
          "standard deviation of their offsets from the surface along each axis, in units of half a "
          "shape's side");
    field("validation", o.validation, from_below(0, 1),
          "share of the shapes that is used for validation instead");
    field("tokenizer", o.tokenizer, a_path(),
          "mar3d: run directory or model folder of the trained shape_vae, relative to the config file");
  }
  void check() const { require(test_path.empty() || !path.empty(), "test_path requires path"); }
};

/// The "evaluation" section of a shape model's config.
struct EvaluationOptions {
  int64_t batch_size = 16;
  int64_t points = 4096;
  int64_t resolution = 64;
  bool test = true;
  int64_t shown = 6;
  Json sampling = Json::object();

  static void fields(auto& o, auto& field) {
    field("batch_size", o.batch_size, at_least(1), "shapes at once; results do not depend on it");
    field("points", o.points, at_least(1), "points of the cube at which volume IoU is measured");
    field("resolution", o.resolution, between(8, 512),
          "cells along an axis of the meshes that are shown and measured");
    field("test", o.test, {}, "evaluate the best model on the test shapes");
    field("shown", o.shown, between(0, 32), "shapes in the report");
    field("sampling", o.sampling, {},
          "options of generation (the model's own), for the report and by default later");
  }
};

}  // namespace arzoo::shape3d
