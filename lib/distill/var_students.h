#pragma once

#include "distill/score_distillation.h"
#include "distill/student_generation.h"
#include "image/var.h"

/// Students of a VAR, under the names of the papers. No torch in here.
namespace arzoo::distill {

/// Distilled Decoding 1 (Liu et al., ICLR 2025): predicts where the flow leads from noise to the teacher's
/// tokens, all of them at once. The defaults are those of the published VAR-d16 student.
struct Dd1VarOptions {
  using Generation = StudentGenerationOptions;
  static constexpr std::string_view kName = "dd1_var";
  static constexpr std::string_view kPaper = "Liu et al., Distilled Decoding 1, ICLR 2025";
  static constexpr std::string_view kGenerates = "generate-image";

  std::string mapping = "flow";
  int64_t loss_split_t = 5;
  std::string tokens = "likeliest";
  double embedding_weight = 1.0;
  double noise_std = 1.0;
  image::VarOptions var;

  static void fields(auto& o, auto& field) {
    field("mapping", o.mapping, one_of({"flow", "none"}),
          "how a noise sequence is paired with tokens: flow: by the teacher's flow; none: not at all, so "
          "that tokens are sampled independently (the naive student of one step)");
    field("loss_split_t", o.loss_split_t, at_least(1),
          "number of coarse scales whose tokens are chosen from the codebook, the tokens of finer scales are "
          "vectors; a second step begins there: 5 in the published d16, 4 in d20 and d24");
    field(
        "tokens", o.tokens, one_of({"likeliest", "drawn"}),
        "which code of those scales is generated: likeliest: the most likely one, as officially; drawn: one "
        "sampled by its probability, so that what the noise does not determine stays random (always with "
        "mapping none)");
    field("embedding_weight", o.embedding_weight, at_least(0),
          "weight of the squared error of the vectors in the training loss, added to the cross-entropy");
    field("noise_std", o.noise_std, more_than(0), "standard deviation of the noise");
    field("var", o.var, {}, "the teacher, a model \"var\"; the student is as large");
  }
  const image::VarOptions& teacher() const { return var; }
  /// Scales whose tokens are chosen from the codebook, and whether they are sampled by their probabilities:
  /// with the mapping "none" all are.
  int64_t chosen_scales() const {
    return mapping == "none" ? static_cast<int64_t>(var.patch_nums.size()) : loss_split_t;
  }
  bool samples_codes() const { return mapping == "none" || tokens == "drawn"; }
  void check() const {
    require(loss_split_t <= static_cast<int64_t>(var.patch_nums.size()),
            "loss_split_t ({}) is one of the scales, there are {}", loss_split_t, var.patch_nums.size());
  }
};

/// Distilled Decoding 2 (Liu et al., NeurIPS 2025): matches the conditional score of what it generates in one
/// step with the teacher's. What the paper leaves open is reconstructed: docs/families/distillation.md.
struct Dd2VarOptions {
  using Generation = StudentGenerationOptions;
  static constexpr std::string_view kName = "dd2_var";
  static constexpr std::string_view kPaper = "Liu et al., Distilled Decoding 2, NeurIPS 2025 (reconstructed)";
  static constexpr std::string_view kGenerates = "generate-image";

  int64_t head_width = 1024;
  int64_t head_depth = 3;
  int64_t second_step = 5;
  int64_t tuning_steps = 1000;
  ScoreDistillation score;
  double noise_std = 1.0;
  bool snap = true;
  image::VarOptions var;

  static void fields(auto& o, auto& field) {
    field("head_width", o.head_width, at_least(2), "width of the head that replaces the logits");
    field("head_depth", o.head_depth, between(1, 1024), "number of its residual blocks");
    field("second_step", o.second_step, at_least(1),
          "coarse scales that a second step keeps; it generates the others again");
    field("tuning_steps", o.tuning_steps, at_least(1),
          "steps of the first stage, in which the teacher learns to predict its own conditional score (GTS "
          "loss)");
    ScoreDistillation::fields(o.score, field);
    field("noise_std", o.noise_std, more_than(0), "standard deviation of the noise");
    field("snap", o.snap, {}, "when generating: replace each vector by the nearest of the codebook");
    field("var", o.var, {}, "the teacher, a model \"var\"");
  }
  const image::VarOptions& teacher() const { return var; }
  void check() const { require_scale_left(second_step, var.patch_nums); }
};

}  // namespace arzoo::distill
