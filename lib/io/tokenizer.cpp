#include "io/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/utf8.h"
#include "io/byte_pair_tokenizer.h"
#include "io/sentencepiece.h"
#include "io/unicode.h"
#include "io/word_piece.h"

namespace arzoo::io {

namespace fs = std::filesystem;

std::string Tokenizer::decode(const std::vector<int64_t>& ids) const {
  std::string bytes;
  bool begins = true;
  for (const int64_t id : ids) {
    bytes += bytes_of(id, begins);
    begins = begins && begins_after(id);
  }
  using unicode::Replacement;
  return unicode::valid_utf8(bytes, replaces_bytes() ? Replacement::per_byte : Replacement::per_beginning);
}

int64_t Tokenizer::replaced_bytes(std::string_view text) const {
  int64_t replaced = 0;
  if (!replaces_bytes()) return replaced;
  for (std::size_t at = 0; at < text.size();) {
    const auto length = utf8_length(text, at);
    if (length == 0) ++replaced;
    at += std::max<std::size_t>(length, 1);
  }
  return replaced;
}

void Tokenizer::require_id(int64_t id) const {
  if (id < 0 || id >= size()) fail<UsageError>("token id {}: expected 0 to {}", id, size() - 1);
}

namespace {

class ByteTokenizer final : public Tokenizer {
 public:
  static constexpr int64_t kEnd = 256;

  std::string_view kind() const override { return "bytes"; }
  int64_t size() const override { return kEnd + 1; }
  std::vector<int64_t> encode(std::string_view text) const override {
    std::vector<int64_t> ids;
    ids.reserve(text.size());
    for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
    return ids;
  }
  std::string bytes_of(int64_t id, bool) const override {
    require_id(id);
    return id == kEnd ? std::string() : std::string(1, static_cast<char>(id));
  }
  std::string piece(int64_t id) const override {
    if (id == kEnd) return "<end>";
    return id > 0x20 && id < 0x7F ? bytes_of(id, false) : fmt::format("<0x{:02X}>", id);
  }
  std::optional<int64_t> end() const override { return kEnd; }
};

std::unique_ptr<Tokenizer> open_folder(const fs::path& folder) {
  if (fs::exists(folder / "vocab.txt")) return open_word_piece(folder / "vocab.txt");
  if (fs::exists(folder / "tokenizer.json")) return open_tokenizer_json(folder / "tokenizer.json");
  if (fs::exists(folder / "vocab.json")) return open_vocabulary(folder / "vocab.json", folder / "merges.txt");
  if (fs::exists(folder / "tokenizer.model")) return open_sentencepiece(folder / "tokenizer.model");
  fail<DataError>(
      "{}: no tokenizer (expected tokenizer.json, vocab.json and merges.txt, vocab.txt, or tokenizer.model)",
      folder.string());
}

}  // namespace

std::unique_ptr<Tokenizer> byte_tokenizer() { return std::make_unique<ByteTokenizer>(); }

bool is_tokenizer_file(const fs::path& path) {
  const auto name = path.filename().string();
  return name == "tokenizer.json" || name == "vocab.json" || name == "merges.txt" || name == "vocab.txt" ||
         path.extension() == ".model";
}

std::unique_ptr<Tokenizer> open_tokenizer(const fs::path& path) {
  if (path == "bytes") return byte_tokenizer();
  if (fs::is_directory(path)) return open_folder(path);
  if (!fs::exists(path)) {
    fail<DataError>(
        "{}: no such file or folder (expected \"bytes\", a tokenizer's file, or a folder with one)",
        path.string());
  }
  if (path.extension() == ".model") return open_sentencepiece(path);
  const auto name = path.filename().string();
  if (name == "vocab.txt") return open_word_piece(path);
  if (name == "vocab.json" || name == "merges.txt")
    return open_vocabulary(path.parent_path() / "vocab.json", path.parent_path() / "merges.txt");
  return open_tokenizer_json(path);
}

std::string TextStream::add(int64_t id) {
  held_ += tokenizer_.bytes_of(id, begins_);
  begins_ = begins_ && tokenizer_.begins_after(id);
  const auto certain = held_.size() - unicode::unfinished_bytes(held_);
  auto text = unicode::valid_utf8(held_.substr(0, certain), unicode::Replacement::per_beginning);
  held_.erase(0, certain);
  return text;
}

std::string TextStream::finish() {
  auto text = unicode::valid_utf8(held_, unicode::Replacement::per_beginning);
  held_.clear();
  return text;
}

}  // namespace arzoo::io
