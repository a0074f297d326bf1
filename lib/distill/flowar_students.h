#pragma once

#include "distill/score_distillation.h"
#include "distill/student_generation.h"
#include "image/flowar.h"

/// Students of a FlowAR, under the names of the papers whose ways of teaching they follow. No torch in here.
namespace arzoo::distill {

/// Distilled Decoding 1 for a teacher whose tokens are continuous: its own flow leads from noise to each of
/// them, and the student learns where to, for all scales at once.
struct Dd1FlowArOptions {
  using Generation = StudentGenerationOptions;
  static constexpr std::string_view kName = "dd1_flowar";
  static constexpr std::string_view kPaper =
      "Liu et al., Distilled Decoding 1, ICLR 2025 (for a FlowAR, ours)";
  static constexpr std::string_view kGenerates = "generate-image";

  std::string mapping = "flow";
  int64_t second_step = 3;
  image::FlowArOptions flowar;

  static void fields(auto& o, auto& field) {
    field("mapping", o.mapping, one_of({"flow", "none"}),
          "how a noise sequence is paired with tokens: flow: by the teacher's flow; none: not at all (the "
          "naive student of one step)");
    field("second_step", o.second_step, at_least(1),
          "coarse scales that a second step keeps; it generates the others again");
    field("flowar", o.flowar, {}, "the teacher, a model \"flowar\"; the student is as large");
  }
  const image::FlowArOptions& teacher() const { return flowar; }
  void check() const { require_scale_left(second_step, flowar.scale); }
};

/// Distilled Decoding 2 for such a teacher, whose flow network tells the conditional score as it is.
struct Dd2FlowArOptions {
  using Generation = StudentGenerationOptions;
  static constexpr std::string_view kName = "dd2_flowar";
  static constexpr std::string_view kPaper =
      "Liu et al., Distilled Decoding 2, NeurIPS 2025 (for a FlowAR, ours)";
  static constexpr std::string_view kGenerates = "generate-image";

  int64_t second_step = 3;
  int64_t tuning_steps = 0;
  double trajectory_weight = 0.0;
  ScoreDistillation score;
  image::FlowArOptions flowar;

  static void fields(auto& o, auto& field) {
    field("second_step", o.second_step, at_least(1),
          "coarse scales that a second step keeps; it generates the others again");
    field("tuning_steps", o.tuning_steps, at_least(0),
          "steps of the first stage, in which the generator learns where the teacher's flow leads, as in "
          "Distilled Decoding 1");
    field("trajectory_weight", o.trajectory_weight, at_least(0),
          "second stage: weight of the squared error to the end of the flow, added to the CSD loss, both "
          "summed over a picture (as in DMD, Yin et al., CVPR 2024)");
    ScoreDistillation::fields(o.score, field);
    field("flowar", o.flowar, {}, "the teacher, a model \"flowar\"; the student is as large");
  }
  const image::FlowArOptions& teacher() const { return flowar; }
  void check() const { require_scale_left(second_step, flowar.scale); }
};

}  // namespace arzoo::distill
