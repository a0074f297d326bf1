#pragma once

#include <memory>

#include "core/config.h"
#include "runtime/suite_cell.h"

/// Cells of `bench table` that time what a system changes in a layer beside the plain layer, on random
/// numbers.
namespace arzoo::language {

struct FeedForwardTimesOptions {
  int64_t feed_forward = 768;
  int64_t tokens = 2048;
  int64_t rounds = 7;

  static void fields(auto& o, auto& field) {
    field("feed_forward", o.feed_forward, between(12, 65536),
          "width of a token, a multiple of 12; the hidden width is 4 times as much");
    field("tokens", o.tokens, between(1, 1 << 20), "tokens of a pass");
    field("rounds", o.rounds, between(1, 1000),
          "rounds, in each of which all methods run; the median counts");
  }
  void check() const {
    require(feed_forward % 12 == 0, "feed_forward must be a multiple of 12, got {}", feed_forward);
  }
};

/// A feed-forward layer, dense and of structured_lm's methods at 31 % of its parameters, alternately in each
/// round. Its run returns {"test": {"dense: ms", "METHOD: ms", "METHOD: times as fast"}}: the last is the
/// median over the rounds.
std::shared_ptr<const runtime::Evaluation> read_feed_forward_times(const Config& cell,
                                                                   const runtime::CellContext& context);

struct PackedTimesOptions {
  double fill = 0.6;
  int64_t texts = 16;
  int64_t longest = 256;
  int64_t width = 768;
  int64_t heads = 12;
  int64_t rounds = 7;

  static void fields(auto& o, auto& field) {
    field("fill", o.fill, more_than(0), "mean length of a text by the longest");
    field("texts", o.texts, between(2, 4096), "texts of a pass");
    field("longest", o.longest, between(2, 1 << 16), "tokens of the longest text");
    field("width", o.width, between(1, 65536), "width of a token; the hidden width is 4 times as much");
    field("heads", o.heads, between(1, 1024), "attention heads");
    field("rounds", o.rounds, between(1, 1000),
          "rounds, in each of which both passes run; the median counts");
  }
  void check() const {
    require(fill <= 1.0, "fill must be at most 1, got {}", fill);
    require(width % heads == 0, "width ({}) must be a multiple of heads ({})", width, heads);
  }
};

/// A block of `bert` on texts of unequal length, packed, and on as many of the longest one's length, which is
/// what padding costs. The lengths are evenly spread around the mean. Its run returns {"test": {"padded: ms",
/// "packed: ms", "times as fast", "1 / fill"}}.
std::shared_ptr<const runtime::Evaluation> read_packed_times(const Config& cell,
                                                             const runtime::CellContext& context);

}  // namespace arzoo::language
