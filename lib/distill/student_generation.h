#pragma once

#include "core/config.h"

namespace arzoo::distill {

/// How a student samples: all else it has learnt from its teacher. No torch in here.
struct StudentGenerationOptions {
  std::optional<int64_t> steps;

  static void fields(auto& o, auto& field) {
    field("steps", o.steps, at_least(1), "1 by default, or 2 where it has learnt that; 2 with --teacher");
  }
};

}  // namespace arzoo::distill
