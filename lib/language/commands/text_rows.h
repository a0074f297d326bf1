#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/tokenizer.h"
#include "language/text_folder.h"
#include "plan/tasks.h"

namespace arzoo::language {

/// One text to be generated. It depends on its prompt and seed, not on the others.
struct TextRow {
  std::string prompt;
  std::vector<int64_t> ids;  ///< of the prompt, with what the model wants before it
  uint64_t seed = 0;
};

/// The prompts of a task: those given, the lines of its file, or of standard input. Throws DataError,
/// UsageError where there are none.
std::vector<std::string> read_prompts(const plan::GenerateTextTask& task);

/// `count` rows of each prompt. Throws UsageError for a prompt that the model cannot begin with or that is
/// longer than it reads.
std::vector<TextRow> text_rows(const std::vector<std::string>& prompts, const OpenedText& opened,
                               const plan::GenerateTextTask& task);

/// What to warn of: prompts longer than the rows that a model without learned positions was trained on, and
/// bytes that the tokenizer replaces. prompts: those of the rows.
std::vector<std::string> prompt_warnings(const std::vector<TextRow>& rows, const OpenedText& opened);

/// Rows of equally long prompts in batches of at most `most`: numbers of rows. A batch needs no padding.
std::vector<std::vector<std::size_t>> equal_length_batches(const std::vector<TextRow>& rows, int64_t most);

/// A row's text as its tokens come.
class RowText {
 public:
  RowText(const io::Tokenizer& tokenizer, const std::vector<int64_t>& ends,
          const std::vector<std::string>& stops)
      : ends_(&ends), stops_(&stops), stream_(tokenizer) {}

  /// Returns what is certain to stand in the text: not what may be the beginning of a stop text.
  std::string add(int64_t id);
  /// The rest, of a row that ends by its length.
  std::string finish();

  bool done() const { return !stop_.empty(); }
  const std::vector<int64_t>& ids() const { return ids_; }
  const std::string& text() const { return text_; }
  /// "end", "stop" or "length".
  std::string stop() const { return done() ? stop_ : "length"; }

 private:
  std::string release(bool all);

  const std::vector<int64_t>* ends_;
  const std::vector<std::string>* stops_;
  io::TextStream stream_;
  std::vector<int64_t> ids_;
  std::string text_;          ///< without what follows a stop text
  std::size_t released_ = 0;  ///< bytes of it that were returned
  std::string stop_;
};

}  // namespace arzoo::language
