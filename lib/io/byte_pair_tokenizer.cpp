#include "io/byte_pair_tokenizer.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "core/config.h"
#include "core/json_reader.h"
#include "core/text_file.h"
#include "core/utf8.h"
#include "io/byte_level.h"
#include "io/byte_pair_model.h"
#include "io/piece_table.h"
#include "io/tokenizer_parts.h"
#include "io/unicode.h"
#include "io/unigram_tokenizer.h"
#include "io/word_piece.h"

namespace arzoo::io {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostIds = int64_t{1} << 24;
constexpr int64_t kNone = -1;

/// Names of the vocabulary, by id and by their own bytes.
struct Vocabulary {
  std::vector<std::string> names;  ///< as the file writes them; empty where an id is not used
  std::unordered_map<std::string, int64_t> ids;

  void add(std::string name, int64_t id, const std::string& where) {
    if (id < 0 || id >= kMostIds)
      fail<DataError>("{}: id {} of \"{}\", expected 0 to {}", where, id, name, kMostIds - 1);
    if (static_cast<int64_t>(names.size()) <= id) names.resize(static_cast<std::size_t>(id) + 1);
    names[static_cast<std::size_t>(id)] = name;
    ids.emplace(std::move(name), id);
  }
  int64_t find(const std::string& name) const {
    const auto found = ids.find(name);
    return found == ids.end() ? kNone : found->second;
  }
};

class BytePairTokenizer final : public Tokenizer {
 public:
  BytePairTokenizer(Vocabulary vocabulary, BytePairModel model, TokenizerParts parts)
      : vocabulary_(std::move(vocabulary)), model_(std::move(model)), parts_(std::move(parts)) {
    std::vector<std::pair<std::string, int64_t>> raw, normalised;
    special_.resize(vocabulary_.names.size());
    for (const auto& token : parts_.added) {
      if (static_cast<int64_t>(vocabulary_.names.size()) <= token.id) {
        vocabulary_.names.resize(static_cast<std::size_t>(token.id) + 1);
        special_.resize(vocabulary_.names.size());
      }
      vocabulary_.names[static_cast<std::size_t>(token.id)] = token.content;
      special_[static_cast<std::size_t>(token.id)] = token.special ? Kind::special : Kind::added;
      (token.normalised ? normalised : raw).emplace_back(token.content, token.id);
      if (token.content == "<|endoftext|>" || token.content == "</s>" || token.content == "<|end_of_text|>")
        end_ = token.id;
    }
    raw_ = PieceTable(std::move(raw));
    normalised_ = PieceTable(std::move(normalised));
    for (int byte = 0; byte < 256; ++byte) {
      byte_ids_[byte] = parts_.byte_level
                            ? vocabulary_.find(byte_level_name(static_cast<unsigned char>(byte)))
                            : vocabulary_.find(fmt::format("<0x{:02X}>", byte));
    }
  }

  std::string_view kind() const override {
    return parts_.byte_level ? "byte-level BPE" : "BPE with byte fallback";
  }
  int64_t size() const override { return static_cast<int64_t>(vocabulary_.names.size()); }
  std::optional<int64_t> end() const override { return end_; }
  std::vector<int64_t> prefix() const override { return parts_.prefix; }

  std::vector<int64_t> encode(std::string_view text) const override {
    std::vector<int64_t> ids;
    each_part(text, raw_, ids, [&](std::string_view plain, bool) {
      const auto own = parts_.normalised(plain);
      each_part(own, normalised_, ids, [&](std::string_view part, bool) { encode_part(part, ids); });
    });
    return ids;
  }

  std::string bytes_of(int64_t id, bool begins) const override {
    require_id(id);
    const auto& name = vocabulary_.names[static_cast<std::size_t>(id)];
    const auto kind = special_[static_cast<std::size_t>(id)];
    if (kind == Kind::special) return {};
    if (kind == Kind::added) return name;
    if (parts_.byte_level) return byte_level_bytes(name).value_or(name);
    if (const auto byte = fallback_byte(name)) return std::string(1, static_cast<char>(*byte));
    auto text = with_spaces(name);
    if (begins && parts_.strips_first_space && text.starts_with(' ')) text.erase(0, 1);
    return text;
  }

  std::string piece(int64_t id) const override {
    require_id(id);
    return vocabulary_.names[static_cast<std::size_t>(id)];
  }

 private:
  enum class Kind : unsigned char { plain, added, special };

  void encode_part(std::string_view part, std::vector<int64_t>& ids) const {
    std::string spaced;
    if (parts_.add_prefix_space && !part.starts_with(' ')) part = spaced = " " + std::string(part);
    for (const auto piece : parts_.pre_tokenizer.split(part)) encode_piece(piece, ids);
  }

  void encode_piece(std::string_view piece, std::vector<int64_t>& ids) const {
    if (parts_.ignore_merges) {
      if (const auto whole = vocabulary_.find(name_of(piece)); whole != kNone) {
        ids.push_back(whole);
        return;
      }
    }
    std::vector<int64_t> symbols;
    if (parts_.byte_level) {
      for (const char byte : piece) push_byte(byte, symbols);
    } else {
      for (std::size_t at = 0; at < piece.size();) at += push_character(piece, at, symbols);
    }
    model_.merge(std::move(symbols), ids);
  }

  std::string name_of(std::string_view bytes) const {
    if (!parts_.byte_level) return std::string(bytes);
    std::string name;
    for (const char byte : bytes) name += byte_level_name(static_cast<unsigned char>(byte));
    return name;
  }

  void push_byte(char byte, std::vector<int64_t>& symbols) const {
    const auto id = byte_ids_[static_cast<unsigned char>(byte)];
    if (id != kNone) {
      symbols.push_back(id);
    } else if (parts_.unknown != kNone) {
      symbols.push_back(parts_.unknown);
    }
  }

  /// Returns the character's bytes.
  std::size_t push_character(std::string_view text, std::size_t at, std::vector<int64_t>& symbols) const {
    const auto length = std::max<std::size_t>(1, utf8_length(text, at));
    const auto id = vocabulary_.find(std::string(text.substr(at, length)));
    if (id != kNone) {
      symbols.push_back(id);
    } else {
      for (const char byte : text.substr(at, length)) push_byte(byte, symbols);
    }
    return length;
  }

  Vocabulary vocabulary_;
  BytePairModel model_;
  TokenizerParts parts_;
  std::vector<Kind> special_;
  PieceTable raw_, normalised_;  ///< added tokens, found before and after normalisation
  int64_t byte_ids_[256] = {};
  std::optional<int64_t> end_;
};

/// One line of merges.txt or one entry of "merges": "a b".
void add_merge(const std::string& left, const std::string& right, const Vocabulary& vocabulary,
               BytePairModel& model, const std::string& where) {
  const auto left_id = vocabulary.find(left), right_id = vocabulary.find(right),
             merged = vocabulary.find(left + right);
  for (const auto& [name, id] : {std::pair{left, left_id}, {right, right_id}, {left + right, merged}}) {
    if (id == kNone)
      fail<DataError>("{}: the merge \"{} {}\" needs \"{}\", which is not in the vocabulary", where, left,
                      right, name);
  }
  model.add_merge(left_id, right_id, merged);
}

std::pair<std::string, std::string> parts_of(const std::string& merge, const std::string& where) {
  const auto space = merge.find(' ');
  if (space == std::string::npos || space == 0 || space + 1 == merge.size() ||
      merge.find(' ', space + 1) != std::string::npos)
    fail<DataError>("{}: \"{}\" is no merge, expected two pieces with a space between them", where, merge);
  return {merge.substr(0, space), merge.substr(space + 1)};
}

Vocabulary read_vocabulary(const Config& entries) {
  Vocabulary vocabulary;
  for (const auto& [name, id] : entries.members()) {
    int64_t number = 0;
    id.read(number, between(0, static_cast<double>(kMostIds - 1)));
    vocabulary.add(name, number, entries.name());
  }
  return vocabulary;
}

}  // namespace

std::unique_ptr<Tokenizer> open_tokenizer_json(const fs::path& path) {
  const auto text = read_text_file(path);
  const Config file(read_json<DataError>(text, path.string()), path.string());
  return as_data_errors([&]() -> std::unique_ptr<Tokenizer> {
    const auto model = file.at("model");
    const auto type = is_given(model, "type") ? model.text("type") : "BPE";
    if (type == "Unigram") return unigram_tokenizer(file);
    if (type == "WordPiece") return word_piece_tokenizer(file);
    auto vocabulary = read_vocabulary(model.at("vocab"));
    auto parts = TokenizerParts::of(file);
    if (is_given(model, "unk_token")) parts.unknown = vocabulary.find(model.text("unk_token"));
    BytePairModel merges;
    std::size_t index = 0;
    for (const auto& merge : model.at("merges").elements()) {
      const auto where = fmt::format("{}: /model/merges/{}", path.string(), index++);
      auto pair = merge.json().is_array() && merge.size() == 2
                      ? std::pair{merge.element(0).text(), merge.element(1).text()}
                      : parts_of(merge.text(), where);
      add_merge(pair.first, pair.second, vocabulary, merges, where);
    }
    return std::make_unique<BytePairTokenizer>(std::move(vocabulary), std::move(merges), std::move(parts));
  });
}

std::unique_ptr<Tokenizer> open_vocabulary(const fs::path& vocabulary_path, const fs::path& merges_path) {
  const auto text = read_text_file(vocabulary_path);
  const Config file(read_json<DataError>(text, vocabulary_path.string()), vocabulary_path.string());
  return as_data_errors([&]() -> std::unique_ptr<Tokenizer> {
    auto vocabulary = read_vocabulary(file);
    BytePairModel merges;
    const auto lines = read_text_file(merges_path);
    std::size_t number = 0;
    for (std::size_t at = 0; at < lines.size();) {
      auto end = std::min(lines.find('\n', at), lines.size());
      auto line = lines.substr(at, end - at);
      at = end + 1;
      ++number;
      if (line.ends_with('\r')) line.pop_back();
      if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
      const auto where = fmt::format("{}:{}", merges_path.string(), number);
      const auto [left, right] = parts_of(line, where);
      add_merge(left, right, vocabulary, merges, where);
    }
    TokenizerParts parts;
    const std::string end_of_text = "<|endoftext|>";
    if (const auto id = vocabulary.find(end_of_text); id != kNone)
      parts.added.push_back({.id = id, .content = end_of_text, .special = true});
    return std::make_unique<BytePairTokenizer>(std::move(vocabulary), std::move(merges), std::move(parts));
  });
}

}  // namespace arzoo::io
