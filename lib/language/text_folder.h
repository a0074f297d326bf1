#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "core/config.h"
#include "io/tokenizer.h"
#include "language/language_model.h"
#include "runtime/device.h"

/// Folders of trained language models: ours, whose config.json says "family": "language" and "model", and
/// published ones of transformers, whose config.json says "model_type". A tokenizer lies beside the weights.
namespace arzoo::language {

/// Writes config.json, model.safetensors and the tokenizer's files. run: a resolved config.
void save_text_model(const std::filesystem::path& folder, const Config& run, const LanguageModel& model);

/// Copies the files of the tokenizer in `from` into the folder; false where there is none.
bool copy_tokenizer_files(const std::filesystem::path& from, const std::filesystem::path& folder);

/// A model ready for inference, and its tokenizer.
struct OpenedText {
  std::shared_ptr<LanguageModel> model;
  std::unique_ptr<io::Tokenizer> tokenizer;
  Json options;                    ///< the "model" section
  std::vector<int64_t> ends;       ///< ids that end a text
  std::optional<int64_t> context;  ///< tokens of the rows that it was trained on, where the folder says so
};

/// path: a run directory or a model folder. Throws CheckpointError, ConfigError, UsageError.
OpenedText open_text_model(const std::filesystem::path& path, const runtime::Compute& compute);

/// Whether a folder without a config.json of ours is a published decoder's.
bool is_published_decoder(const std::filesystem::path& path);

}  // namespace arzoo::language
