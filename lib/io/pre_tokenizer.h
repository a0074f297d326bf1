#pragma once

#include <string_view>
#include <vector>

namespace arzoo::io {

/// How a text is cut into the pieces that byte pairs are merged in: one of the patterns that byte-level BPE
/// models were trained with.
struct PreTokenizer {
  enum class Pattern {
    none,   ///< the text is one piece
    gpt2,   ///< 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
    llama3  ///< (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
            ///< ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
  };
  Pattern pattern = Pattern::gpt2;
  int digits = 3;              ///< of llama3's \p{N}{1,3}; Qwen2 has 1
  bool single_digits = false;  ///< numbers are first cut into their digits (Digits, individual_digits)

  /// The pieces of `text` in order; together they are the text. In linear time.
  std::vector<std::string_view> split(std::string_view text) const;
};

}  // namespace arzoo::io
