#pragma once

#include "core/config.h"

namespace arzoo::icl {

/// What a suite's cell asks of a trained learner besides its errors ("study"). No torch in here.
struct StudyOptions {
  int64_t tasks = 1280;
  int64_t curvature_steps = 1000;
  bool strategies = false;

  static void fields(auto& o, auto& field) {
    field("tasks", o.tasks, between(64, 1e5), "number of prompts that results are averaged over");
    field("curvature_steps", o.curvature_steps, between(0, 1e6),
          "training steps of GD++ beside a deep vonoswald_transformer");
    field("strategies", o.strategies, {},
          "also ask a garg_gpt2 under each of the paper's prompting strategies");
  }
};

}  // namespace arzoo::icl
