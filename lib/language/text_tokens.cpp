#include "language/text_tokens.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>

#include "core/json_reader.h"
#include "core/text_file.h"

namespace arzoo::language {
namespace {

namespace fs = std::filesystem;

/// The name without ".gz".
fs::path plain_name(const fs::path& path) {
  return path.extension() == ".gz" ? path.stem() : path.filename();
}

bool is_text(const fs::path& path) {
  const auto kind = plain_name(path).extension();
  return kind == ".txt" || kind == ".jsonl" || path.extension() == ".gz";
}

std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file() && is_text(entry.path())) files.push_back(entry.path());
  }
  if (files.empty())
    fail<DataError>("{}: no text in this folder, expected .txt, .jsonl or .gz files", path.string());
  std::sort(files.begin(), files.end());
  return files;
}

void each_line(const fs::path& path, const std::string& text,
               const std::function<void(std::string_view)>& use) {
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto where = fmt::format("{}:{}", path.string(), number);
    const auto json = read_json<DataError>(line, where);
    if (!json.is_object() || !json.contains("text") || !json.at("text").is_string())
      fail<DataError>("{}: no \"text\", expected an object with one in each line", where);
    use(json.at("text").get_ref<const std::string&>());
  }
}

at::Tensor byte_lengths(const io::Tokenizer& tokenizer) {
  std::vector<int64_t> lengths;
  for (int64_t id = 0; id < tokenizer.size(); ++id)
    lengths.push_back(static_cast<int64_t>(tokenizer.bytes_of(id, false).size()));
  return at::tensor(lengths, at::kLong);
}

/// In as few bytes as the ids need.
at::Tensor packed(const std::vector<int32_t>& tokens, int64_t ids) {
  const auto all = at::tensor(at::ArrayRef<int32_t>(tokens), at::kInt);
  return ids <= 32768 ? all.to(at::kShort) : all;
}

}  // namespace

void each_document(const fs::path& path, const std::function<void(std::string_view)>& use) {
  for (const auto& file : files_of(path)) {
    const auto text = read_text_file(file);
    if (plain_name(file).extension() == ".jsonl") {
      each_line(file, text, use);
    } else {
      use(text);
    }
  }
}

TextTokens::TextTokens(const DataOptions& options, const io::Tokenizer& tokenizer,
                       std::optional<int64_t> context_start)
    : context_(options.context), start_(context_start), bytes_(byte_lengths(tokenizer)) {
  const auto end = options.end_of_text ? options.end_of_text : tokenizer.end();
  if (end && *end >= tokenizer.size()) {
    fail<DataError>("end_of_text ({}) is no id of the tokenizer, which has {}", *end, tokenizer.size());
  }
  std::vector<int32_t> tokens;
  int64_t documents = 0, bytes = 0;
  each_document(options.path, [&](std::string_view text) {
    for (const auto id : tokenizer.encode(text)) tokens.push_back(static_cast<int32_t>(id));
    if (end) tokens.push_back(static_cast<int32_t>(*end));
    ++documents;
    bytes += static_cast<int64_t>(text.size());
  });
  tokens_ = packed(tokens, tokenizer.size());
  const auto count = static_cast<int64_t>(tokens.size());
  const auto share = [&](double part) { return static_cast<int64_t>(part * static_cast<double>(count)); };
  const int64_t validation = share(options.validation_part), test = share(options.test_part);
  parts_[0] = {0, count - validation - test};
  parts_[1] = {count - validation, validation};
  parts_[2] = {count - validation - test, test};
  for (const auto split : {runtime::Split::train, runtime::Split::val, runtime::Split::test}) {
    if (part(split).tokens > 0 && rows(split) == 0) {
      fail<DataError>("{}: a split of {} tokens, expected at least {} for a row of context {}", options.path,
                      part(split).tokens, context_ + 1, context_);
    }
  }
  if (rows(runtime::Split::train) == 0) fail<DataError>("{}: no text", options.path);
  summary_ = fmt::format("{} document{}, {} tokens of {} bytes ({})", documents, documents == 1 ? "" : "s",
                         count, bytes, tokenizer.kind());
}

const TextTokens::Part& TextTokens::part(runtime::Split split) const {
  return parts_[split == runtime::Split::train ? 0 : split == runtime::Split::val ? 1 : 2];
}

int64_t TextTokens::rows(runtime::Split split) const {
  const int64_t tokens = part(split).tokens - (start_ ? 0 : 1);
  return std::max<int64_t>(0, tokens / context_);
}

at::Tensor TextTokens::batch(runtime::Split split, at::ArrayRef<int64_t> indices) const {
  std::vector<at::Tensor> rows;
  for (const auto index : indices) {
    const int64_t first = part(split).begin + index * context_;
    rows.push_back(start_ ? at::cat({at::full({1}, *start_, at::kLong),
                                     tokens_.narrow(0, first, context_).to(at::kLong)})
                          : tokens_.narrow(0, first, context_ + 1).to(at::kLong));
  }
  return at::stack(rows);
}

}  // namespace arzoo::language
