#pragma once

#include "core/config.h"

namespace arzoo::icl {

/// How one size of the prompts grows (Garg et al. 2022, Sec. A.2): from `start`, by `inc` every `interval`
/// steps, up to `end`. No torch in here.
struct CurriculumRange {
  int64_t start = 0;
  int64_t end = 0;
  int64_t inc = 1;
  int64_t interval = 2000;

  static void fields(auto& o, auto& field) {
    field("start", o.start, between(0, 1e6), "size at the first step; 0 for the full size");
    field("end", o.end, between(0, 1e6), "largest size; 0 for the full size");
    field("inc", o.inc, between(1, 1e6), "increment of the size");
    field("interval", o.interval, between(1, 1e9), "steps between two increments");
  }
  void check() const { require(end == 0 || start <= end, "start ({}) must not exceed end ({})", start, end); }
  /// The size at step `step` (from 0) of something that is `whole` in full.
  int64_t at(int64_t step, int64_t whole) const {
    const int64_t last = end == 0 ? whole : std::min(end, whole);
    return start == 0 ? last : std::min(last, start + inc * (step / interval));
  }
};

/// Prompts of few coordinates and points first.
struct CurriculumOptions {
  CurriculumRange dims, points;

  static void fields(auto& o, auto& field) {
    field("dims", o.dims, {}, "coordinates of x that are not zeroed");
    field("points", o.points, {}, "points of a prompt");
  }
};

}  // namespace arzoo::icl
