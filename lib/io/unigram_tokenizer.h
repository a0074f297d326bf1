#pragma once

#include "core/config.h"
#include "io/tokenizer.h"

namespace arzoo::io {

/// A Hugging Face tokenizer.json whose model is Unigram (T5, XLM-RoBERTa, mT5): SentencePiece's pieces and
/// rules as the tokenizers library cuts text with them, word by word. Normalisers: Precompiled, Strip,
/// NFC, Replace of runs of spaces, Sequence; pre-tokenizers: Metaspace, WhitespaceSplit, Sequence.
///
/// Throws ConfigError that names a part that is not supported, DataError for broken pieces.
std::unique_ptr<Tokenizer> unigram_tokenizer(const Config& file);

}  // namespace arzoo::io
