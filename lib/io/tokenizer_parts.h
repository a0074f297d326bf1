#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "io/piece_table.h"
#include "io/pre_tokenizer.h"

namespace arzoo::io {

/// A token that is cut out of the text before anything else.
struct AddedToken {
  int64_t id = 0;
  std::string content = {};
  bool special = false;     ///< adds nothing to a text
  bool normalised = false;  ///< looked for in the normalised text
};

/// What a tokenizer.json says besides its vocabulary and merges.
struct TokenizerParts {
  std::vector<AddedToken> added;
  std::vector<int64_t> prefix;  ///< ids that its post-processor puts before a text
  PreTokenizer pre_tokenizer;
  bool byte_level = true, add_prefix_space = false, ignore_merges = false;
  bool nfc = false;
  std::string prepend;              ///< before a text that is not empty
  bool escapes_spaces = false;      ///< " " becomes U+2581
  bool strips_first_space = false;  ///< of a decoded text
  int64_t unknown = -1;             ///< id of what is not in the vocabulary; -1: it is left out

  /// Throws ConfigError that names a part whose type or setting is not supported.
  static TokenizerParts of(const Config& file);
  std::string normalised(std::string_view text) const;
};

/// The "added_tokens" of a tokenizer.json. Throws ConfigError.
std::vector<AddedToken> added_tokens(const Config& file);
/// Ids of the special tokens that a post-processor puts before a text. Throws ConfigError.
std::vector<int64_t> prefix_tokens(const Config& post_processor, const std::vector<AddedToken>& added);

/// Calls plain(part, first) for what stands between the added tokens, and appends their ids. first: the part
/// begins the text.
template <class Plain>
void each_part(std::string_view text, const PieceTable& tokens, std::vector<int64_t>& ids,
               const Plain& plain) {
  std::size_t begin = 0;
  for (std::size_t at = 0; !tokens.empty() && at < text.size();) {
    const auto [length, id] = tokens.longest(text, at);
    if (length == 0) {
      ++at;
      continue;
    }
    if (at > begin) plain(text.substr(begin, at - begin), begin == 0);
    ids.push_back(id);
    begin = at += length;
  }
  if (begin < text.size()) plain(text.substr(begin), begin == 0);
}

/// Whether the member is there and not null.
bool is_given(const Config& part, std::string_view key);
/// U+2581, which stands for a space in SentencePiece's vocabularies.
inline constexpr std::string_view kSpaceMark = "\xe2\x96\x81";
/// The name of a piece with spaces for their marks.
std::string with_spaces(std::string_view name);
/// The byte of "<0x0A>"; nothing for other names.
std::optional<unsigned char> fallback_byte(std::string_view name);

/// Runs `read`; what is wrong with the file's content is a DataError.
template <class Read>
auto as_data_errors(const Read& read) {
  try {
    return read();
  } catch (const ConfigError& error) {
    throw DataError(error.what());
  }
}

}  // namespace arzoo::io
