#pragma once

#include <vector>

#include "core/config.h"

namespace arzoo::distill {

/// How the second stage of Distilled Decoding 2 goes, whatever the teacher. No torch in here.
struct ScoreDistillation {
  int64_t guidance_steps = 1;
  double alpha = 1.0;
  double smallest_time = 0.02;

  static void fields(auto& o, auto& field) {
    field("guidance_steps", o.guidance_steps, at_least(1),
          "steps of the guidance network (FCS loss) before each of the generator (CSD loss)");
    field("alpha", o.alpha, {}, "of the CSD loss, in the form of SiD (Zhou et al., ICML 2024)");
    field("smallest_time", o.smallest_time, between(1e-4, 0.49),
          "times of a loss are uniform between this and 1 - this");
  }
};

/// Throws unless a second step that keeps so many scales has one to generate.
inline void require_scale_left(int64_t second_step, const std::vector<int64_t>& scales) {
  require(second_step < static_cast<int64_t>(scales.size()),
          "second_step ({}) must leave a scale to be generated again, there are {}", second_step,
          scales.size());
}

}  // namespace arzoo::distill
