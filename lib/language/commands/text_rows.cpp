#include "language/commands/text_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/seeded_random.h"
#include "core/standard_streams.h"
#include "core/text_file.h"
#include "core/text_lines.h"

namespace arzoo::language {
namespace {

/// What stands before a prompt.
std::vector<int64_t> prefix_of(const OpenedText& opened) {
  if (const auto start = opened.model->start()) return {*start};
  return opened.tokenizer->prefix();
}

std::vector<int64_t> prompt_ids(const std::string& prompt, const OpenedText& opened) {
  auto ids = prefix_of(opened);
  const auto own = opened.tokenizer->encode(prompt);
  ids.insert(ids.end(), own.begin(), own.end());
  // A text begins where another has ended.
  if (ids.empty() && !opened.ends.empty()) ids.push_back(opened.ends.front());
  if (ids.empty()) fail<UsageError>("an empty prompt, and the model has no token to begin with");
  return ids;
}

/// Tokens of the rows that a model of any length was trained on, as far as its folder tells; else 0.
int64_t trained_length(const OpenedText& opened) {
  if (opened.model->longest() > 0) return 0;
  return opened.context.value_or(opened.options.value("max_position_embeddings", int64_t{0}));
}

}  // namespace

std::vector<std::string> read_prompts(const plan::GenerateTextTask& task) {
  auto prompts = task.prompts;
  if (task.image) fail<UsageError>("--image: a language model reads no pictures (an mmar does)");
  if (task.file) {
    for (auto& line : lines_of(read_text_file(*task.file))) prompts.push_back(std::move(line));
  } else if (prompts.empty()) {
    prompts = lines_of(read_standard_input().text);
  }
  if (prompts.empty())
    fail<DataError>("{}: no prompt, expected one a line", task.file ? task.file->string() : "stdin");
  return prompts;
}

std::vector<TextRow> text_rows(const std::vector<std::string>& prompts, const OpenedText& opened,
                               const plan::GenerateTextTask& task) {
  const auto seed = static_cast<uint64_t>(task.compute.seed.value_or(0));
  const int64_t longest = opened.model->longest();
  std::vector<TextRow> rows;
  for (const auto& prompt : prompts) {
    const auto ids = prompt_ids(prompt, opened);
    if (longest > 0 && static_cast<int64_t>(ids.size()) >= longest) {
      fail<UsageError>("a prompt of {} tokens, but the model reads at most {} and the text needs one of them",
                       ids.size(), longest);
    }
    for (int64_t i = 0; i < task.count; ++i) rows.push_back({prompt, ids, item_seed(seed, rows.size())});
  }
  return rows;
}

std::vector<std::string> prompt_warnings(const std::vector<TextRow>& rows, const OpenedText& opened) {
  const int64_t trained = trained_length(opened);
  int64_t longest = 0, replaced = 0;
  for (const auto& row : rows) {
    longest = std::max(longest, static_cast<int64_t>(row.ids.size()));
    replaced += opened.tokenizer->replaced_bytes(row.prompt);
  }
  std::vector<std::string> warnings;
  if (trained > 0 && longest > trained)
    warnings.push_back(
        fmt::format("a prompt of {} tokens, but the model was trained on rows of {}", longest, trained));
  if (replaced > 0)
    warnings.push_back(fmt::format("{} bytes of the prompts are no UTF-8 and became U+FFFD", replaced));
  return warnings;
}

std::vector<std::vector<std::size_t>> equal_length_batches(const std::vector<TextRow>& rows, int64_t most) {
  std::map<std::size_t, std::vector<std::size_t>> by_length;
  for (std::size_t i = 0; i < rows.size(); ++i) by_length[rows[i].ids.size()].push_back(i);
  std::vector<std::vector<std::size_t>> batches;
  for (const auto& [length, own] : by_length) {
    for (std::size_t at = 0; at < own.size(); at += static_cast<std::size_t>(most)) {
      const auto end = std::min(own.size(), at + static_cast<std::size_t>(most));
      batches.emplace_back(own.begin() + static_cast<std::ptrdiff_t>(at),
                           own.begin() + static_cast<std::ptrdiff_t>(end));
    }
  }
  std::sort(batches.begin(), batches.end());
  return batches;
}

std::string RowText::add(int64_t id) {
  if (done()) return {};
  ids_.push_back(id);
  if (std::find(ends_->begin(), ends_->end(), id) != ends_->end()) {
    stop_ = "end";
    text_ += stream_.finish();
    return release(true);
  }
  const auto before = text_.size();
  text_ += stream_.add(id);
  for (const auto& stop : *stops_) {
    const auto from = before >= stop.size() ? before - stop.size() : 0;
    const auto at = text_.find(stop, from);
    if (at == std::string::npos) continue;
    text_.resize(at);
    stop_ = "stop";
  }
  return release(done());
}

std::string RowText::finish() {
  if (!done()) text_ += stream_.finish();
  return release(true);
}

std::string RowText::release(bool all) {
  std::size_t held = 0;
  if (!all) {
    for (const auto& stop : *stops_) {
      for (auto size = std::min(stop.size() - 1, text_.size()); size > held; --size) {
        if (text_.compare(text_.size() - size, size, stop, 0, size) == 0) held = size;
      }
    }
  }
  const auto end = std::max(released_, text_.size() - held);
  const auto now = std::min(end, text_.size());
  auto part = released_ < now ? text_.substr(released_, now - released_) : std::string();
  released_ = std::max(released_, now);
  return part;
}

}  // namespace arzoo::language
