#include "io/sentencepiece.h"

#include <algorithm>
#include <limits>
#include <queue>
#include <unordered_map>

#include "core/text_file.h"
#include "io/sentencepiece_model.h"
#include "io/tokenizer_parts.h"
#include "io/unigram.h"

namespace arzoo::io {
namespace {

using Kind = SentencePiece::Kind;

using Found = FoundPiece;

/// The pieces of a model that texts are cut into, and how they are scored (unigram_model.cc).
class ScoredPieces {
 public:
  explicit ScoredPieces(const SentencePieceModel& model) : model_(model), unigram_(unigram_of(model)) {
    for (const auto& piece : model.pieces) {
      if (piece.kind == Kind::normal) highest_ = std::max(highest_, piece.score);
    }
  }

  std::vector<Found> cut(std::string_view text) const {
    return unigram_.cut(text, [&](int64_t id, std::size_t length) { return score_of(id, length); });
  }

 private:
  static Unigram<float> unigram_of(const SentencePieceModel& model) {
    constexpr float kUnknownPenalty = 10.0F;
    std::vector<std::pair<std::string, int64_t>> pieces;
    float lowest = std::numeric_limits<float>::max();
    for (std::size_t id = 0; id < model.pieces.size(); ++id) {
      const auto& piece = model.pieces[id];
      if (piece.kind == Kind::normal || piece.kind == Kind::user_defined)
        pieces.emplace_back(piece.text, static_cast<int64_t>(id));
      if (piece.kind == Kind::normal) lowest = std::min(lowest, piece.score);
    }
    return {std::move(pieces), model.unknown, lowest - kUnknownPenalty};
  }

  float score_of(int64_t id, std::size_t length) const {
    const auto& piece = model_.pieces[static_cast<std::size_t>(id)];
    if (piece.kind != Kind::user_defined) return piece.score;
    return static_cast<float>(static_cast<double>(static_cast<float>(length) * highest_) - 0.1);
  }

  const SentencePieceModel& model_;
  Unigram<float> unigram_;
  float highest_ = std::numeric_limits<float>::lowest();
};

/// Merges the neighbours whose joint piece scores highest, the leftmost first (bpe_model.cc).
class ScoredPairs {
 public:
  explicit ScoredPairs(const SentencePieceModel& model) : model_(model) {
    std::vector<std::pair<std::string, int64_t>> kept;
    for (std::size_t id = 0; id < model.pieces.size(); ++id) {
      const auto& piece = model.pieces[id];
      const bool in_text =
          piece.kind == Kind::normal || piece.kind == Kind::user_defined || piece.kind == Kind::unused;
      if (in_text) ids_.emplace(piece.text, static_cast<int64_t>(id));
      if (piece.kind == Kind::user_defined) kept.emplace_back(piece.text, static_cast<int64_t>(id));
    }
    kept_ = PieceTable(std::move(kept));
  }

  std::vector<Found> cut(std::string_view text) const {
    auto symbols = characters(text);
    std::priority_queue<Pair> pairs;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) offer(text, symbols, static_cast<int64_t>(i), pairs);
    while (!pairs.empty()) {
      const auto best = pairs.top();
      pairs.pop();
      auto& left = symbols[static_cast<std::size_t>(best.left)];
      if (left.size == 0 || left.after < 0) continue;
      auto& right = symbols[static_cast<std::size_t>(left.after)];
      if (left.size + right.size != best.size) continue;
      left.size = best.size;
      right.size = 0;
      left.after = right.after;
      if (left.after >= 0) symbols[static_cast<std::size_t>(left.after)].before = best.left;
      if (left.before >= 0) offer(text, symbols, left.before, pairs);
      offer(text, symbols, best.left, pairs);
    }
    std::vector<Found> found;
    for (const auto& symbol : symbols) {
      if (symbol.size > 0) split(text.substr(symbol.begin, symbol.size), found);
    }
    return found;
  }

 private:
  struct Symbol {
    std::size_t begin, size;
    int64_t before, after;
    bool frozen;  ///< a piece that the user defined is never merged
  };
  struct Pair {
    float score;
    int64_t left;
    std::size_t size;
    bool operator<(const Pair& other) const {
      return score < other.score || (score == other.score && left > other.left);
    }
  };

  std::vector<Symbol> characters(std::string_view text) const {
    std::vector<Symbol> symbols;
    for (std::size_t at = 0; at < text.size();) {
      const auto kept = kept_.longest(text, at).first;
      const auto size = kept > 0 ? kept : std::min(character_bytes(text, at), text.size() - at);
      const auto index = static_cast<int64_t>(symbols.size());
      at += size;
      symbols.push_back({at - size, size, index - 1, at < text.size() ? index + 1 : -1, kept > 0});
    }
    return symbols;
  }

  void offer(std::string_view text, const std::vector<Symbol>& symbols, int64_t at,
             std::priority_queue<Pair>& pairs) const {
    const auto& left = symbols[static_cast<std::size_t>(at)];
    if (left.after < 0) return;
    const auto& right = symbols[static_cast<std::size_t>(left.after)];
    if (left.frozen || right.frozen) return;
    const auto size = left.size + right.size;
    const auto found = ids_.find(std::string(text.substr(left.begin, size)));
    if (found == ids_.end()) return;
    pairs.push({model_.pieces[static_cast<std::size_t>(found->second)].score, at, size});
  }

  /// A piece that is not to be used is cut again into what it was merged from: its best cut in two.
  void split(std::string_view text, std::vector<Found>& found) const {
    const auto own = ids_.find(std::string(text));
    const auto id = own == ids_.end() ? model_.unknown : own->second;
    if (model_.pieces[static_cast<std::size_t>(id)].kind != Kind::unused) {
      found.push_back({text, id});
      return;
    }
    std::size_t best = 0;
    float highest = std::numeric_limits<float>::lowest();
    for (std::size_t at = character_bytes(text, 0); at < text.size(); at += character_bytes(text, at)) {
      const auto left = ids_.find(std::string(text.substr(0, at))),
                 right = ids_.find(std::string(text.substr(at)));
      if (left == ids_.end() || right == ids_.end()) continue;
      const float score = std::min(score_of(left->second), score_of(right->second));
      if (best == 0 || score > highest) {
        best = at;
        highest = score;
      }
    }
    if (best == 0) {
      found.push_back({text, model_.unknown});
      return;
    }
    split(text.substr(0, best), found);
    split(text.substr(best), found);
  }

  float score_of(int64_t id) const { return model_.pieces[static_cast<std::size_t>(id)].score; }

  const SentencePieceModel& model_;
  std::unordered_map<std::string, int64_t> ids_;
  PieceTable kept_;
};

class SentencePieceTokenizer final : public Tokenizer {
 public:
  explicit SentencePieceTokenizer(SentencePieceModel model)
      : model_(std::move(model)), unigram_(model_), pairs_(model_) {
    std::fill(std::begin(byte_ids_), std::end(byte_ids_), -1);
    for (std::size_t id = 0; id < model_.pieces.size(); ++id) {
      const auto& piece = model_.pieces[id];
      if (piece.kind != Kind::byte) continue;
      if (const auto byte = fallback_byte(piece.text)) byte_ids_[*byte] = static_cast<int64_t>(id);
    }
  }

  std::string_view kind() const override {
    return is_unigram() ? "SentencePiece unigram" : "SentencePiece BPE";
  }
  int64_t size() const override { return static_cast<int64_t>(model_.pieces.size()); }
  std::optional<int64_t> end() const override {
    return model_.end >= 0 && model_.end < size() ? std::optional(model_.end) : std::nullopt;
  }

  std::vector<int64_t> encode(std::string_view text) const override {
    const auto normal = model_.normaliser.normalise(text);
    std::vector<int64_t> ids;
    bool behind_unknown = false;
    for (const auto& [piece, id] : is_unigram() ? unigram_.cut(normal) : pairs_.cut(normal)) {
      const bool unknown = id == model_.unknown;
      if (unknown && model_.byte_fallback) {
        for (const char byte : piece) {
          const auto own = byte_ids_[static_cast<unsigned char>(byte)];
          ids.push_back(own >= 0 ? own : model_.unknown);
        }
      } else if (!unknown || !behind_unknown) {
        ids.push_back(id);
      }
      behind_unknown = unknown;
    }
    return ids;
  }

  std::string bytes_of(int64_t id, bool begins) const override {
    require_id(id);
    const auto& piece = model_.pieces[static_cast<std::size_t>(id)];
    if (piece.kind == Kind::control) return {};
    if (piece.kind == Kind::unknown) return model_.unknown_surface;
    if (piece.kind == Kind::byte) {
      const auto byte = fallback_byte(piece.text);
      return byte ? std::string(1, static_cast<char>(*byte)) : piece.text;
    }
    std::string_view text = piece.text;
    const auto& normaliser = model_.normaliser;
    if (begins && (normaliser.add_dummy_prefix || normaliser.remove_extra_whitespaces) &&
        text.starts_with(kSpaceMark))
      text.remove_prefix(kSpaceMark.size());
    return with_spaces(text);
  }

  bool begins_after(int64_t id) const override {
    const auto& text = model_.pieces[static_cast<std::size_t>(id)].text;
    return bytes_of(id, true).empty() &&
           (model_.normaliser.remove_extra_whitespaces || !text.starts_with(kSpaceMark));
  }

  std::string piece(int64_t id) const override {
    require_id(id);
    return model_.pieces[static_cast<std::size_t>(id)].text;
  }

 protected:
  bool replaces_bytes() const override { return true; }

 private:
  bool is_unigram() const { return model_.algorithm == SentencePieceModel::Algorithm::unigram; }

  SentencePieceModel model_;
  ScoredPieces unigram_;
  ScoredPairs pairs_;
  int64_t byte_ids_[256];
};

}  // namespace

std::unique_ptr<Tokenizer> open_sentencepiece(const std::filesystem::path& path) {
  const auto bytes = read_text_file(path);
  return std::make_unique<SentencePieceTokenizer>(SentencePieceModel::read(bytes, path.string()));
}

}  // namespace arzoo::io
