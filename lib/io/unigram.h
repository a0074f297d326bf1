#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/utf8.h"
#include "io/piece_table.h"

namespace arzoo::io {

/// A piece of a text; id is that of "unknown" where no piece has its text.
struct FoundPiece {
  std::string_view text;
  int64_t id;
};

/// Bytes of the character at text[at]; at least 1.
inline std::size_t character_bytes(std::string_view text, std::size_t at) {
  return std::max<std::size_t>(1, utf8_length(text, at));
}

/// The most likely cut of a text into pieces (Kudo, ACL 2018), by dynamic programming. Real: the type that
/// the official code adds scores in.
template <class Real>
class Unigram {
 public:
  /// A piece's score may depend on its length (score_of(id, bytes)); unknown_score is that of a character
  /// that no piece has.
  Unigram(std::vector<std::pair<std::string, int64_t>> pieces, int64_t unknown, Real unknown_score)
      : table_(std::move(pieces)), unknown_(unknown), unknown_score_(unknown_score) {}

  template <class Score>
  std::vector<FoundPiece> cut(std::string_view text, const Score& score_of) const {
    std::vector<Best> best(text.size() + 1);
    for (std::size_t at = 0; at < text.size();) {
      const Real here = best[at].score;
      const auto character = std::min(character_bytes(text, at), text.size() - at);
      bool has_character = false;
      table_.matches(text, at, [&](std::size_t length, int64_t id) {
        best[at + length].offer(here + score_of(id, length), at, id);
        has_character = has_character || length == character;
      });
      if (!has_character) best[at + character].offer(here + unknown_score_, at, unknown_);
      at += character;
    }
    std::vector<FoundPiece> found;
    for (std::size_t end = text.size(); end > 0; end = best[end].from)
      found.push_back({text.substr(best[end].from, end - best[end].from), best[end].id});
    std::reverse(found.begin(), found.end());
    return found;
  }

 private:
  static constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();
  /// Of the cuts that end at one place.
  struct Best {
    Real score = 0;
    std::size_t from = kNowhere;
    int64_t id = 0;
    void offer(Real other, std::size_t begin, int64_t piece) {
      if (from == kNowhere || other > score) *this = {other, begin, piece};
    }
  };

  PieceTable table_;
  int64_t unknown_;
  Real unknown_score_;
};

}  // namespace arzoo::io
