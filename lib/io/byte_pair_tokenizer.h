#pragma once

#include "io/tokenizer.h"

namespace arzoo::io {

/// A Hugging Face tokenizer.json: BPE, byte-level (GPT-2, Pythia, Qwen2, LLaMA 3, SmolLM) or over characters
/// with bytes to fall back on (LLaMA 1 and 2); Unigram (io/unigram_tokenizer.h); WordPiece
/// (io/word_piece.h). Throws DataError that names the first part
/// that is not supported.
std::unique_ptr<Tokenizer> open_tokenizer_json(const std::filesystem::path& path);

/// GPT-2's vocab.json and merges.txt. Throws DataError for a merge of what is not in the vocabulary.
std::unique_ptr<Tokenizer> open_vocabulary(const std::filesystem::path& vocabulary,
                                           const std::filesystem::path& merges);

}  // namespace arzoo::io
