#pragma once

#include "io/tokenizer.h"

namespace arzoo::io {

/// A SentencePiece model file (Kudo and Richardson, EMNLP 2018; google/sentencepiece 0.2), unigram or BPE,
/// read without the library (docs/design.md says why). Throws DataError for a file that is none, and for the
/// kinds word and char.
std::unique_ptr<Tokenizer> open_sentencepiece(const std::filesystem::path& path);

}  // namespace arzoo::io
