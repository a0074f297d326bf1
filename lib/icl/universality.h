#pragma once

#include <memory>

#include "runtime/suite_cell.h"

/// A cell of `bench table`: how wide one layer must be.
namespace arzoo::icl {

struct UniversalityOptions {
  std::string function;
  int64_t n = 2;
  std::vector<int64_t> cells = {2, 4, 8, 16};
  double sharpness = 60.0;
  int64_t grid_points = 61;
  int64_t steps = 3000;
  int64_t batch_size = 256;
  double learning_rate = 3e-3;
  int64_t seed = 0;

  static void fields(auto& o, auto& field) {
    field("function", o.function, one_of({"sort", "reverse", "wave"}), "map of sequences to approximate");
    field("n", o.n, between(1, 4), "tokens of a sequence, one coordinate each");
    field("cells", o.cells, nonempty(between(2, 1000)), "cells along an axis, ascending");
    field("sharpness", o.sharpness, more_than(0), "sharpness of the heads' steps over the square of cells");
    field("grid_points", o.grid_points, between(2, 1000), "places along an axis where errors are measured");
    field("steps", o.steps, between(0, 1e6), "training steps of the layers of equal width; 0 for none");
    field("batch_size", o.batch_size, between(1, 1e5), "sequences of a step");
    field("learning_rate", o.learning_rate, more_than(0), "learning rate, which falls to 0 along a cosine");
    field("seed", o.seed, at_least(0), "of initial weights and training sequences");
  }
  void check() const;
};

/// Its run returns the errors of the construction, of trained layers of the same width, and of trained ones
/// whose feed-forward layer does not see a token's place, with "errors.svg".
std::shared_ptr<const runtime::Evaluation> read_universality(const Config& cell,
                                                             const runtime::CellContext& context);

}  // namespace arzoo::icl
