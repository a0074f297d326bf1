#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/config.h"
#include "runtime/suite_cell.h"

/// A cell of `bench table`: how the time of attention grows with the text.
namespace arzoo::language {

struct AttentionGrowthOptions {
  std::vector<int64_t> lengths;
  std::vector<std::string> kinds = {"dense", "fixed", "logn", "rowmajor", "axial"};
  int64_t heads = 4;
  int64_t head_width = 32;
  int64_t rounds = 5;

  static void fields(auto& o, auto& field) {
    field("lengths", o.lengths, nonempty(between(4, 1 << 20)),
          "tokens of a row, ascending; rows of S near their root");
    field("kinds", o.kinds, nonempty(one_of({"dense", "fixed", "logn", "rowmajor", "axial"})),
          "plain causal attention, and kinds of combiner_lm's");
    field("heads", o.heads, at_least(1), "attention heads");
    field("head_width", o.head_width, at_least(1), "width of a head");
    field("rounds", o.rounds, between(1, 1000), "rounds, in each of which all kinds run; the median counts");
  }
  void check() const;
};

/// Its run returns {"test": {"KIND: exponent", "KIND: ms at N"}, "markdown", "tables", "charts":
/// ["growth.svg"]}: the exponent is the slope of log time over log tokens, by least squares over the longer
/// half of the lengths.
std::shared_ptr<const runtime::Evaluation> read_attention_growth(const Config& cell,
                                                                 const runtime::CellContext& context);

}  // namespace arzoo::language
