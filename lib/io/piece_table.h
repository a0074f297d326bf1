#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace arzoo::io {

/// Pieces of text and their ids, in order of their bytes: a position of a text is looked up in time that
/// grows with the matched length alone.
class PieceTable {
 public:
  /// A piece may be listed once.
  explicit PieceTable(std::vector<std::pair<std::string, int64_t>> pieces = {}) : pieces_(std::move(pieces)) {
    std::sort(pieces_.begin(), pieces_.end());
  }
  bool empty() const { return pieces_.empty(); }

  /// Calls found(length, id) for each piece that stands at text[at], the shorter first.
  template <class Found>
  void matches(std::string_view text, std::size_t at, const Found& found) const {
    auto low = pieces_.begin(), high = pieces_.end();
    for (std::size_t depth = 0; low != high; ++depth) {
      if (low->first.size() == depth) {
        if (depth > 0) found(depth, low->second);
        ++low;
      }
      if (at + depth >= text.size() || low == high) return;
      const auto byte = static_cast<unsigned char>(text[at + depth]);
      const auto own = [&](const auto& piece) { return static_cast<unsigned char>(piece.first[depth]); };
      low = std::partition_point(low, high, [&](const auto& piece) { return own(piece) < byte; });
      high = std::partition_point(low, high, [&](const auto& piece) { return own(piece) == byte; });
    }
  }

  /// Bytes and id of the longest piece at text[at]; 0 bytes for none.
  std::pair<std::size_t, int64_t> longest(std::string_view text, std::size_t at) const {
    std::pair<std::size_t, int64_t> best{0, 0};
    matches(text, at, [&](std::size_t length, int64_t id) { best = {length, id}; });
    return best;
  }

 private:
  std::vector<std::pair<std::string, int64_t>> pieces_;
};

}  // namespace arzoo::io
