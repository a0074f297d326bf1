#pragma once

#include "core/config.h"
#include "language/text_folder.h"
#include "language/text_tokens.h"
#include "runtime/model_entry.h"

/// What a cell of `bench table` asks of a trained language model besides its errors ("study").
namespace arzoo::language {

struct TextStudyOptions {
  int64_t rows = 32;
  int64_t prompt = 16;
  int64_t tokens = 48;
  int64_t rounds = 3;

  static void fields(auto& o, auto& field) {
    field("rows", o.rows, between(1, 4096), "rows of the batched generation");
    field("prompt", o.prompt, between(1, 1 << 20), "tokens of a prompt, from the test text");
    field("tokens", o.tokens, between(1, 1 << 20), "tokens that continue it");
    field("rounds", o.rounds, between(1, 1000), "repetitions, of which the median counts");
  }
};

/// A trained model and the text that it is measured on.
struct StudiedText {
  OpenedText opened;
  DataOptions data;
  EvaluationOptions evaluation;
  TextTokens text;
};

/// More numbers of one kind of model.
using MoreMetrics = runtime::Metrics (*)(const StudiedText& studied);

/// {"parameters", "tokens/s, 1 row", "tokens/s, N rows", "decoding MiB, N rows"}, and what `more` finds.
Json run_text_study(const Config& options, const Config& run, const std::filesystem::path& model,
                    MoreMetrics more);

/// An entry's `study`.
template <MoreMetrics kMore = nullptr>
runtime::Study text_study() {
  return {[](const Config& options) { return to_json(options.as<TextStudyOptions>()); },
          [](const Config& options, const Config& run, const std::filesystem::path& model,
             const std::filesystem::path&, Progress&) { return run_text_study(options, run, model, kMore); }};
}

}  // namespace arzoo::language
