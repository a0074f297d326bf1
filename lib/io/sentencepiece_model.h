#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/piece_table.h"

/// The parts of a SentencePiece model file.
namespace arzoo::io {

struct SentencePiece {
  enum class Kind { normal = 1, unknown, control, user_defined, unused, byte };
  std::string text = {};
  float score = 0.0F;
  Kind kind = Kind::normal;
};

/// How text is rewritten before it is cut (normalizer.cc).
class SentencePieceNormaliser {
 public:
  bool add_dummy_prefix = true, remove_extra_whitespaces = true, escape_whitespaces = true;
  bool space_is_suffix = false;
  /// The rules: a double-array trie (Darts) of what is replaced, and the replacements. Throws DataError.
  void set_rules(std::string_view blob, std::string_view where);
  /// Pieces that stay as they are.
  void set_kept(PieceTable kept) { kept_ = std::move(kept); }

  std::string normalise(std::string_view text) const;
  /// As the tokenizers library applies the rules: the shortest that fits the beginning of a whole cluster, a
  /// character with its marks of fewer than 6 bytes together, else of each character.
  std::string rewritten_by_cluster(std::string_view text) const;

 private:
  struct Step {
    std::string_view text;
    std::size_t bytes;
  };
  /// Calls found(bytes, replacement) for each rule that fits text[at], the shorter first, until it says
  /// false.
  template <class Found>
  void each_rule(std::string_view text, std::size_t at, const Found& found) const;
  /// What becomes of the beginning of `text`, and how long that is.
  Step step(std::string_view text, std::size_t at) const;

  std::vector<uint32_t> trie_;
  std::string replacements_;
  PieceTable kept_;
};

/// A whole model.
struct SentencePieceModel {
  std::vector<SentencePiece> pieces;
  SentencePieceNormaliser normaliser;
  enum class Algorithm { unigram = 1, bpe = 2 } algorithm = Algorithm::unigram;
  bool byte_fallback = false;
  int64_t unknown = 0, begin = 1, end = 2;  ///< ids; -1: none
  std::string unknown_surface = " \xe2\x81\x87 ";

  /// Throws DataError.
  static SentencePieceModel read(std::string_view bytes, const std::string& where);
};

}  // namespace arzoo::io
