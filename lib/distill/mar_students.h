#pragma once

#include "distill/student_generation.h"
#include "image/mar.h"

/// Students of a MAR, under the names of the papers whose ways of teaching they follow. No torch in here.
namespace arzoo::distill {

/// Distilled Decoding 1 for a MAR: all pictures are generated in one order, and the probability flow of its
/// diffusion head maps noise to each token; the student learns this map, for all tokens at once.
struct Dd1MarOptions {
  using Generation = StudentGenerationOptions;
  static constexpr std::string_view kName = "dd1_mar";
  static constexpr std::string_view kPaper = "Liu et al., Distilled Decoding 1, ICLR 2025 (for a MAR, ours)";
  static constexpr std::string_view kGenerates = "generate-image";

  std::string mapping = "flow";
  int64_t second_step = 16;
  image::MarOptions mar;

  static void fields(auto& o, auto& field) {
    field("mapping", o.mapping, one_of({"flow", "none"}),
          "how a noise sequence is paired with tokens: flow: by the teacher's flow; none: not at all (the "
          "naive student of one step)");
    field("second_step", o.second_step, at_least(1),
          "tokens, the first in the order of generation, that a second step keeps; it generates the others "
          "again");
    field("mar", o.mar, {}, "the teacher, a model \"mar\"; the student is as large");
  }
  const image::MarOptions& teacher() const { return mar; }
  void check() const {
    const int64_t tokens = mar.side() * mar.side();
    require(second_step < tokens, "second_step ({}) must leave a token to be generated again, there are {}",
            second_step, tokens);
  }
};

}  // namespace arzoo::distill
