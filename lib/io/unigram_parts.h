#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "io/sentencepiece_model.h"
#include "io/tokenizer_parts.h"

namespace arzoo::io {

/// What a Unigram's tokenizer.json does to a text before it is cut into pieces.
struct UnigramParts {
  /// When a mark of a space is put before a text.
  enum class Prepend { always, first, never };

  std::vector<std::function<std::string(std::string)>> normalisers;  ///< in their order
  bool splits_white_space = false;                                   ///< words without what lies between them
  bool marks_spaces = false;                                         ///< Metaspace
  bool splits_marks = true;                                          ///< a word begins at each mark
  Prepend prepend = Prepend::always;
  std::vector<AddedToken> added;
  std::vector<int64_t> prefix;

  /// Throws ConfigError, DataError.
  static UnigramParts of(const Config& file);
  /// Calls use(word) for each word. first: the part begins the text.
  void each_word(std::string_view part, bool first,
                 const std::function<void(std::string_view word)>& use) const;
  /// Whether the first space of a decoded text is left out.
  bool strips_first_space() const { return marks_spaces && prepend != Prepend::never; }
};

}  // namespace arzoo::io
