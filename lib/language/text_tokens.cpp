#include "language/text_tokens.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <charconv>

#include "core/json_reader.h"
#include "core/output_folder.h"
#include "core/text_file.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"

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

/// Where and how large a file is, and when it was written.
std::string trace_of(const fs::path& path) {
  const auto written = fs::last_write_time(path).time_since_epoch().count();
  return fmt::format("{} {} {}\n", fs::absolute(path).lexically_normal().string(), fs::file_size(path),
                     written);
}

/// What decides the ids of a text: its files, the tokenizer's, the end of a document.
std::string origin_of(const DataOptions& options, std::optional<int64_t> end) {
  std::string origin;
  for (const auto& file : files_of(options.path)) origin += trace_of(file);
  origin += fmt::format("tokenizer {} end {}\n", options.tokenizer, end.value_or(-1));
  const fs::path tokenizer = options.tokenizer;
  if (fs::is_regular_file(tokenizer)) origin += trace_of(tokenizer);
  if (!fs::is_directory(tokenizer)) return origin;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(tokenizer)) {
    const bool counts =
        io::is_tokenizer_file(entry.path()) || entry.path().filename() == "tokenizer_config.json";
    if (entry.is_regular_file() && counts) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) origin += trace_of(file);
  return origin;
}

constexpr const char *kOrigin = "origin", *kDocuments = "documents", *kBytes = "bytes", *kIds = "ids";

void store_row(const fs::path& path, const TokenRow& row, const std::string& origin) {
  if (const auto parent = path.parent_path(); !parent.empty()) make_folder(parent);
  runtime::write_safetensors(
      path, {{kIds, row.ids}},
      {{kOrigin, origin}, {kDocuments, std::to_string(row.documents)}, {kBytes, std::to_string(row.bytes)}});
}

/// The row in a file, if it is of this origin and its ids are the tokenizer's.
std::optional<TokenRow> stored_row(const fs::path& path, const std::string& origin, int64_t size) {
  if (path.empty() || !fs::exists(path)) return std::nullopt;
  const auto file = runtime::open_tensors(path);
  const auto said = [&](const char* key) {
    const auto found = std::find_if(file.metadata.begin(), file.metadata.end(),
                                    [&](const auto& entry) { return entry.first == key; });
    return found == file.metadata.end() ? std::string() : found->second;
  };
  if (said(kOrigin) != origin) return std::nullopt;
  const auto* ids = file.find(kIds);
  const bool whole = ids != nullptr && ids->dim() == 1 &&
                     (ids->scalar_type() == at::kShort || ids->scalar_type() == at::kInt);
  const bool known =
      whole && ids->numel() > 0 && ids->min().item<int64_t>() >= 0 && ids->max().item<int64_t>() < size;
  if (!known)
    fail<DataError>("{}: no ids below {}, expected a file that \"tokens\" made (remove it, it is made again)",
                    path.string(), size);
  TokenRow row{.ids = *ids};
  const auto number = [&](const char* key) {
    int64_t value = 0;
    const auto text = said(key);
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  };
  row.documents = number(kDocuments);
  row.bytes = number(kBytes);
  return row;
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

TokenRow TextTokens::row_of(const DataOptions& options, const io::Tokenizer& tokenizer,
                            std::optional<int64_t> end) {
  const auto origin = options.tokens.empty() ? std::string() : origin_of(options, end);
  if (auto stored = stored_row(options.tokens, origin, tokenizer.size())) return *stored;
  std::vector<int32_t> tokens;
  TokenRow row;
  each_document(options.path, [&](std::string_view text) {
    for (const auto id : tokenizer.encode(text)) tokens.push_back(static_cast<int32_t>(id));
    if (end) tokens.push_back(static_cast<int32_t>(*end));
    ++row.documents;
    row.bytes += static_cast<int64_t>(text.size());
    row.replaced += tokenizer.replaced_bytes(text);
  });
  row.ids = packed(tokens, tokenizer.size());
  if (options.tokens.empty()) return row;
  store_row(options.tokens, row, origin);
  // What was stored is mapped: the row in memory is given back.
  auto stored = *stored_row(options.tokens, origin, tokenizer.size());
  stored.replaced = row.replaced;
  return stored;
}

TextTokens::TextTokens(const DataOptions& options, const io::Tokenizer& tokenizer,
                       std::optional<int64_t> context_start)
    : context_(options.context),
      start_(context_start),
      by_document_(options.by_document()),
      bytes_(byte_lengths(tokenizer)) {
  const auto end = options.end_of_text ? options.end_of_text : tokenizer.end();
  if (end && *end >= tokenizer.size()) {
    fail<DataError>("end_of_text ({}) is no id of the tokenizer, which has {}", *end, tokenizer.size());
  }
  const auto row = row_of(options, tokenizer, end);
  tokens_ = row.ids;
  const int64_t count = tokens_.size(0);
  const auto share = [&](double part) { return static_cast<int64_t>(part * static_cast<double>(count)); };
  const int64_t validation = share(options.validation_part), test = share(options.test_part);
  parts_[0] = {0, count - validation - test};
  parts_[1] = {count - validation, validation};
  parts_[2] = {count - validation - test, test};
  if (by_document_) {
    if (!end) {
      fail<DataError>(
          "data.windows: documents, but the tokenizer has no end of a text (expected packed, or an "
          "end_of_text)");
    }
    find_rows(*end);
  }
  for (const auto split : {runtime::Split::train, runtime::Split::val, runtime::Split::test}) {
    if (part(split).tokens > 0 && rows(split) == 0 && by_document_) {
      fail<DataError>(
          "{}: no document of a split has {} tokens, a row of context {} (expected a shorter one, "
          "or windows packed)",
          options.path, context_ + (start_ ? 0 : 1), context_);
    }
    if (part(split).tokens > 0 && rows(split) == 0) {
      fail<DataError>("{}: a split of {} tokens, expected at least {} for a row of context {}", options.path,
                      part(split).tokens, context_ + 1, context_);
    }
  }
  if (rows(runtime::Split::train) == 0) fail<DataError>("{}: no text", options.path);
  summary_ = fmt::format("{} document{}, {} tokens of {} bytes ({})", row.documents,
                         row.documents == 1 ? "" : "s", count, row.bytes, tokenizer.kind());
  if (row.replaced > 0) summary_ += fmt::format(", {} bytes that are no UTF-8 became U+FFFD", row.replaced);
}

std::size_t TextTokens::place(runtime::Split split) {
  return split == runtime::Split::train ? 0 : split == runtime::Split::val ? 1 : 2;
}

void TextTokens::find_rows(int64_t end) {
  const int64_t needed = context_ + (start_ ? 0 : 1);
  for (const auto split : {runtime::Split::train, runtime::Split::val, runtime::Split::test}) {
    const auto& own = part(split);
    // A document that a border between two splits divides is two.
    auto ends = at::nonzero(tokens_.narrow(0, own.begin, own.tokens) == end).flatten();
    ends = at::cat({ends, at::full({1}, own.tokens - 1, at::kLong)});
    const auto* last = ends.const_data_ptr<int64_t>();
    int64_t begin = 0;
    for (int64_t i = 0; i < ends.numel(); begin = last[i++] + 1) {
      for (int64_t row = begin; row + needed <= last[i] + 1; row += context_)
        begins_[place(split)].push_back(own.begin + row);
    }
  }
}

int64_t TextTokens::rows(runtime::Split split) const {
  if (by_document_) return static_cast<int64_t>(begins_[place(split)].size());
  const int64_t tokens = part(split).tokens - (start_ ? 0 : 1);
  return std::max<int64_t>(0, tokens / context_);
}

at::Tensor TextTokens::batch(runtime::Split split, at::ArrayRef<int64_t> indices) const {
  std::vector<at::Tensor> rows;
  for (const auto index : indices) {
    const int64_t first = by_document_ ? begins_[place(split)][static_cast<std::size_t>(index)]
                                       : part(split).begin + index * context_;
    rows.push_back(start_ ? at::cat({at::full({1}, *start_, at::kLong),
                                     tokens_.narrow(0, first, context_).to(at::kLong)})
                          : tokens_.narrow(0, first, context_ + 1).to(at::kLong));
  }
  return at::stack(rows);
}

}  // namespace arzoo::language
