#pragma once

#include "core/config.h"
#include "io/tokenizer.h"

namespace arzoo::io {

/// BERT's WordPiece (Devlin et al., NAACL 2019): words and punctuation marks, cut greedily into the longest
/// pieces of the vocabulary, those inside a word behind "##".
///
/// vocabulary: a vocab.txt, one piece a line; a tokenizer_config.json beside it says do_lower_case (true),
/// strip_accents (as do_lower_case) and tokenize_chinese_chars (true). prefix() is [CLS], end() is [SEP].
/// Throws DataError for a file without the special pieces.
std::unique_ptr<Tokenizer> open_word_piece(const std::filesystem::path& vocabulary);

/// The same of a tokenizer.json with a BertNormalizer and a BertPreTokenizer. Throws ConfigError that names a
/// part that is not supported.
std::unique_ptr<Tokenizer> word_piece_tokenizer(const Config& file);

}  // namespace arzoo::io
