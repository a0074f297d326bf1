#include "io/unigram_tokenizer.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "core/error.h"
#include "io/unicode.h"
#include "io/unigram.h"
#include "io/unigram_parts.h"

namespace arzoo::io {
namespace {

constexpr std::size_t kLongestUnigramPiece = 1024;  // bounds the work on a text whatever a file says
constexpr double kUnigramPenalty = 10.0;

struct ScoredNames {
  std::vector<std::string> names;
  std::vector<double> scores;
  int64_t unknown = -1;
  bool byte_fallback = false;
};

ScoredNames names_of(const Config& model) {
  ScoredNames own;
  std::unordered_set<std::string> seen;
  for (const auto& entry : model.at("vocab").elements()) {
    if (!entry.json().is_array() || entry.size() != 2) entry.reject("is no piece with its score");
    auto name = entry.element(0).text();
    double score = 0.0;
    entry.element(1).read(score, {});
    if (name.empty() || name.size() > kLongestUnigramPiece)
      entry.reject(fmt::format("a piece of {} bytes, expected 1 to {}", name.size(), kLongestUnigramPiece));
    if (!seen.insert(name).second) entry.reject("is listed twice");
    own.names.push_back(std::move(name));
    own.scores.push_back(score);
  }
  if (own.names.empty()) model.at("vocab").reject("is empty");
  if (is_given(model, "unk_id"))
    model.at("unk_id").read(own.unknown, between(0, static_cast<double>(own.names.size() - 1)));
  if (is_given(model, "byte_fallback")) model.at("byte_fallback").read(own.byte_fallback, {});
  return own;
}

Unigram<double> cutter_of(const ScoredNames& names) {
  std::vector<std::pair<std::string, int64_t>> pieces;
  for (std::size_t id = 0; id < names.names.size(); ++id)
    pieces.emplace_back(names.names[id], static_cast<int64_t>(id));
  const double lowest = *std::min_element(names.scores.begin(), names.scores.end());
  return {std::move(pieces), names.unknown, lowest - kUnigramPenalty};
}

class UnigramTokenizer final : public Tokenizer {
 public:
  UnigramTokenizer(ScoredNames names, UnigramParts parts)
      : parts_(std::move(parts)), unigram_(cutter_of(names)), names_(std::move(names)) {
    for (std::size_t id = 0; id < names_.names.size(); ++id) {
      ids_.emplace(names_.names[id], static_cast<int64_t>(id));
      if (const auto byte = fallback_byte(names_.names[id])) byte_ids_[*byte] = static_cast<int64_t>(id);
    }
    std::vector<std::pair<std::string, int64_t>> raw;
    kinds_.resize(names_.names.size());
    for (const auto& token : parts_.added) {
      const auto index = static_cast<std::size_t>(token.id);
      if (index >= names_.names.size()) {
        names_.names.resize(index + 1);
        kinds_.resize(index + 1);
      }
      names_.names[index] = token.content;
      kinds_[index] = token.special ? Kind::special : Kind::added;
      raw.emplace_back(token.content, token.id);
      if (token.content == "</s>" || token.content == "<eos>" || token.content == "[SEP]") end_ = token.id;
    }
    added_ = PieceTable(std::move(raw));
  }

  std::string_view kind() const override { return "Unigram"; }
  int64_t size() const override { return static_cast<int64_t>(names_.names.size()); }
  std::optional<int64_t> end() const override { return end_; }
  std::vector<int64_t> prefix() const override { return parts_.prefix; }

  std::vector<int64_t> encode(std::string_view text) const override {
    const auto whole = unicode::valid_utf8(text, unicode::Replacement::per_beginning);
    std::vector<int64_t> ids;
    each_part(whole, added_, ids, [&](std::string_view part, bool first) {
      parts_.each_word(part, first, [&](std::string_view word) { encode_word(word, ids); });
    });
    return ids;
  }

  std::string bytes_of(int64_t id, bool begins) const override {
    require_id(id);
    const auto index = static_cast<std::size_t>(id);
    const auto& name = names_.names[index];
    if (kinds_[index] == Kind::special) return {};
    if (kinds_[index] == Kind::added) return name;
    if (names_.byte_fallback) {
      if (const auto byte = fallback_byte(name)) return std::string(1, static_cast<char>(*byte));
    }
    auto text = with_spaces(name);
    if (begins && parts_.strips_first_space() && text.starts_with(' ')) text.erase(0, 1);
    return text;
  }
  /// The first token alone loses its space, whatever it leaves.
  bool begins_after(int64_t id) const override {
    return kinds_[static_cast<std::size_t>(id)] == Kind::special;
  }
  std::string piece(int64_t id) const override {
    require_id(id);
    return names_.names[static_cast<std::size_t>(id)];
  }

 private:
  enum class Kind : unsigned char { plain, added, special };

  void encode_word(std::string_view word, std::vector<int64_t>& ids) const {
    std::string unknown;  // neighbours without a piece are one
    const auto end_unknown = [&] {
      if (!unknown.empty()) encode_unknown(unknown, ids);
      unknown.clear();
    };
    const auto score_of = [&](int64_t id, std::size_t) {
      return names_.scores[static_cast<std::size_t>(id)];
    };
    for (const auto& [text, id] : unigram_.cut(word, score_of)) {
      if (id == names_.unknown) {
        unknown += text;
        continue;
      }
      end_unknown();
      ids.push_back(id);
    }
    end_unknown();
  }

  void encode_unknown(const std::string& text, std::vector<int64_t>& ids) const {
    if (const auto found = ids_.find(text); found != ids_.end()) return ids.push_back(found->second);
    if (names_.byte_fallback && has_bytes(text)) {
      for (const char byte : text) ids.push_back(byte_ids_.at(static_cast<unsigned char>(byte)));
    } else if (names_.unknown >= 0) {
      ids.push_back(names_.unknown);
    }
  }
  bool has_bytes(const std::string& text) const {
    return std::all_of(text.begin(), text.end(),
                       [&](char byte) { return byte_ids_.contains(static_cast<unsigned char>(byte)); });
  }

  UnigramParts parts_;
  Unigram<double> unigram_;
  ScoredNames names_;
  std::unordered_map<std::string, int64_t> ids_;
  std::unordered_map<unsigned char, int64_t> byte_ids_;
  std::vector<Kind> kinds_;
  PieceTable added_;
  std::optional<int64_t> end_;
};

}  // namespace

std::unique_ptr<Tokenizer> unigram_tokenizer(const Config& file) {
  return std::make_unique<UnigramTokenizer>(names_of(file.at("model")), UnigramParts::of(file));
}

}  // namespace arzoo::io
