#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Text to ids and back.
namespace arzoo::io {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// "bytes", "byte-level BPE", …
  virtual std::string_view kind() const = 0;
  /// Ids are 0 … size() - 1.
  virtual int64_t size() const = 0;
  /// Any bytes are text; nothing is put before or behind it.
  virtual std::vector<int64_t> encode(std::string_view text) const = 0;
  /// What an id adds to a text. Special ids add nothing. begins: no id before it added anything.
  virtual std::string bytes_of(int64_t id, bool begins) const = 0;
  /// Whether the text still begins behind an id at which it began.
  virtual bool begins_after(int64_t id) const { return bytes_of(id, true).empty(); }
  /// An id as the vocabulary writes it.
  virtual std::string piece(int64_t id) const = 0;
  /// The id that ends a text, where there is one.
  virtual std::optional<int64_t> end() const = 0;
  /// The ids that are put before a text for a model.
  virtual std::vector<int64_t> prefix() const { return {}; }

  /// The text of ids: their bytes, with U+FFFD in place of what is no UTF-8.
  std::string decode(const std::vector<int64_t>& ids) const;
  /// How many bytes of a text are no UTF-8 and become U+FFFD; 0 of a kind with ids for any bytes.
  int64_t replaced_bytes(std::string_view text) const;

 protected:
  /// Whether each byte that is no UTF-8 becomes a U+FFFD of its own, as in SentencePiece.
  virtual bool replaces_bytes() const { return false; }
  /// Throws UsageError for an id that is not 0 … size() - 1.
  void require_id(int64_t id) const;
};

/// Bytes as they are; 256 ends a text.
std::unique_ptr<Tokenizer> byte_tokenizer();

/// What `path` means: "bytes"; a folder with tokenizer.json, vocab.json and merges.txt, vocab.txt, or
/// tokenizer.model; or one of these files. Throws DataError for what is none, is broken, or asks for a part
/// that is not supported, which is named.
std::unique_ptr<Tokenizer> open_tokenizer(const std::filesystem::path& path);
/// Whether open_tokenizer would take it for a tokenizer's file, by its name.
bool is_tokenizer_file(const std::filesystem::path& path);

/// Joins the bytes of ids that come one at a time, for output as they come: an unfinished UTF-8 sequence is
/// held back.
class TextStream {
 public:
  explicit TextStream(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  /// What is now certain of the text.
  std::string add(int64_t id);
  /// What was held back.
  std::string finish();

 private:
  const Tokenizer& tokenizer_;
  std::string held_;
  bool begins_ = true;
};

}  // namespace arzoo::io
