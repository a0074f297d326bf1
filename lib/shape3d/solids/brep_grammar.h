#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "shape3d/solids/brep_tokens.h"

namespace arzoo::shape3d {

/// Which token may come next in a sequence (brep_tokens.h): one that follows it is always parsed, ends within
/// its number of tokens, has boxes that are not points and not inside out, and names by pointers what a
/// breadth-first walk can name. Faces of a level and the edges of a face come in the order of training. An
/// edge lies within the boxes of both its faces, unless they do not meet. A solid is closed only once each
/// face has two edges, unless there is no room left.
class BrepGrammar {
 public:
  /// Begins after BOC. most_tokens: from there to EOS, included.
  BrepGrammar(const BrepVocabulary& vocabulary, int64_t most_tokens);

  /// Ranges [first, last) of token ids that may come next, ascending.
  std::vector<std::pair<int64_t, int64_t>> allowed() const;
  /// Takes the next token, one of those that are allowed.
  void read(int64_t token);
  bool ended() const { return state_ == State::ended; }

  /// Tokens of the shortest solid.
  static constexpr int64_t kShortest = 1 + 1 + kBoxTokens + kFaceCodes + 1 + 3;

 private:
  enum class State { level, face, face_box, face_code, record, edge_box, edge_code, closed, ended };

  int64_t left() const { return most_ - used_; }
  int64_t faces() const { return static_cast<int64_t>(degrees_.size()); }
  std::pair<int64_t, int64_t> coordinates() const;
  std::pair<int64_t, int64_t> between_faces(int64_t low, int64_t high) const;
  /// Whether each of these faces has two edges.
  bool are_closed(int64_t first, int64_t last) const;
  std::pair<int64_t, int64_t> references() const;

  BrepVocabulary vocabulary_;
  int64_t most_, used_ = 0;
  State state_ = State::level;
  std::vector<int64_t> degrees_;  ///< edges of each face so far
  int64_t levels_ = 0;
  int64_t before_ = 0, level_ = 0;  ///< first face of the level before, and of this one
  std::vector<int64_t> box_;        ///< of the box that is being read
  BoxBits last_edge_{};             ///< the one before, where order is kept
  std::vector<BoxBits> faces_read_;
  bool orders_ = false;                  ///< whether this box must not be lower than the one before
  int64_t codes_ = 0;                    ///< read of this shape
  int64_t records_ = 0, reference_ = 0;  ///< of this face; the last reference
};

}  // namespace arzoo::shape3d
