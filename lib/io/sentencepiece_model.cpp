#include "io/sentencepiece_model.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "core/error.h"
#include "core/utf8.h"
#include "io/protobuf_reader.h"
#include "io/tokenizer_parts.h"
#include "io/unicode.h"

namespace arzoo::io {
namespace {

// A trained piece has at most 16 characters; this bounds the work on a text whatever a file says.
constexpr std::size_t kLongestPiece = 1024;

// Darts-clone's units.
uint32_t unit_offset(uint32_t unit) { return (unit >> 10U) << ((unit & (1U << 9U)) >> 6U); }
uint32_t unit_label(uint32_t unit) { return unit & (1U << 31U | 0xFFU); }
bool unit_has_leaf(uint32_t unit) { return (unit >> 8U & 1U) != 0; }
uint32_t unit_value(uint32_t unit) { return unit & ~(1U << 31U); }

SentencePiece read_piece(std::string_view bytes, const std::string& where) {
  SentencePiece piece;
  ProtobufReader reader(bytes, where);
  while (const auto field = reader.next()) {
    if (field->number == 1) piece.text = field->bytes;
    if (field->number == 2) piece.score = field->real();
    if (field->number != 3) continue;
    if (field->value < 1 || field->value > 6)
      fail<DataError>("{}: the piece \"{}\" is of type {}, expected 1 to 6", where, piece.text, field->value);
    piece.kind = static_cast<SentencePiece::Kind>(field->value);
  }
  if (piece.text.size() > kLongestPiece) {
    fail<DataError>("{}: a piece of {} bytes, expected at most {}", where, piece.text.size(), kLongestPiece);
  }
  return piece;
}

void read_trainer(std::string_view bytes, const std::string& where, SentencePieceModel& model) {
  ProtobufReader reader(bytes, where);
  const auto id = [](uint64_t value) { return static_cast<int64_t>(static_cast<int32_t>(value)); };
  while (const auto field = reader.next()) {
    switch (field->number) {
      case 3:
        if (field->value != 1 && field->value != 2) {
          fail<DataError>("{}: a model of type {}, expected 1 (unigram) or 2 (BPE)", where, field->value);
        }
        model.algorithm = static_cast<SentencePieceModel::Algorithm>(field->value);
        break;
      case 24:
        model.normaliser.space_is_suffix = field->value != 0;
        break;
      case 35:
        model.byte_fallback = field->value != 0;
        break;
      case 40:
        model.unknown = id(field->value);
        break;
      case 41:
        model.begin = id(field->value);
        break;
      case 42:
        model.end = id(field->value);
        break;
      case 44:
        model.unknown_surface = field->bytes;
        break;
      default:
        break;
    }
  }
}

void read_normaliser(std::string_view bytes, const std::string& where, SentencePieceNormaliser& own) {
  ProtobufReader reader(bytes, where);
  while (const auto field = reader.next()) {
    switch (field->number) {
      case 2:
        own.set_rules(field->bytes, where);
        break;
      case 3:
        own.add_dummy_prefix = field->value != 0;
        break;
      case 4:
        own.remove_extra_whitespaces = field->value != 0;
        break;
      case 5:
        own.escape_whitespaces = field->value != 0;
        break;
      default:
        break;
    }
  }
}

void check(SentencePieceModel& model, const std::string& where) {
  const auto count = static_cast<int64_t>(model.pieces.size());
  if (count == 0) fail<DataError>("{}: no pieces, expected a SentencePiece model", where);
  std::unordered_set<std::string_view> seen;
  std::vector<std::pair<std::string, int64_t>> kept;
  int64_t unknown = -1;
  for (int64_t id = 0; id < count; ++id) {
    const auto& piece = model.pieces[static_cast<std::size_t>(id)];
    if (piece.text.empty()) fail<DataError>("{}: piece {} is empty", where, id);
    if (!seen.insert(piece.text).second)
      fail<DataError>("{}: the piece \"{}\" is listed twice", where, piece.text);
    if (piece.kind == SentencePiece::Kind::user_defined) kept.emplace_back(piece.text, id);
    if (piece.kind == SentencePiece::Kind::unknown) unknown = id;
  }
  if (unknown < 0) fail<DataError>("{}: no piece stands for what is unknown", where);
  model.unknown = unknown;
  model.normaliser.set_kept(PieceTable(std::move(kept)));
}

}  // namespace

SentencePieceModel SentencePieceModel::read(std::string_view bytes, const std::string& where) {
  SentencePieceModel model;
  ProtobufReader reader(bytes, where);
  while (const auto field = reader.next()) {
    if (field->wire != ProtobufField::Wire::bytes) continue;
    if (field->number == 1) model.pieces.push_back(read_piece(field->bytes, where));
    if (field->number == 2) read_trainer(field->bytes, where, model);
    if (field->number == 3) read_normaliser(field->bytes, where, model.normaliser);
  }
  check(model, where);
  return model;
}

void SentencePieceNormaliser::set_rules(std::string_view blob, std::string_view where) {
  const auto number = [&](std::size_t at) {
    uint32_t value = 0;
    for (std::size_t i = 4; i-- > 0;) value = value << 8U | static_cast<unsigned char>(blob[at + i]);
    return value;
  };
  if (blob.empty()) return;
  const std::size_t size = blob.size() < 4 ? 0 : number(0);
  if (size < 4 || size % 4 != 0 || size > blob.size() - 4)
    fail<DataError>("{}: the table of its normalisation has a wrong size", where);
  for (std::size_t at = 4; at < 4 + size; at += 4) trie_.push_back(number(at));
  replacements_ = blob.substr(4 + size);
}

template <class Found>
void SentencePieceNormaliser::each_rule(std::string_view text, std::size_t at, const Found& found) const {
  if (trie_.empty()) return;
  uint32_t node = unit_offset(trie_[0]);
  for (std::size_t i = at; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (node >= trie_.size() || unit_label(trie_[node]) != byte) return;
    const uint32_t unit = trie_[node];
    node ^= unit_offset(unit);
    if (!unit_has_leaf(unit)) continue;
    if (node >= trie_.size()) return;
    const uint32_t value = unit_value(trie_[node]);
    if (value >= replacements_.size()) continue;
    const auto rest = std::string_view(replacements_).substr(value);
    if (!found(i + 1 - at, rest.substr(0, rest.find('\0')))) return;
  }
}

SentencePieceNormaliser::Step SentencePieceNormaliser::step(std::string_view text, std::size_t at) const {
  if (const auto [length, id] = kept_.longest(text, at); length > 0) return {text.substr(at, length), length};
  Step longest{{}, 0};
  each_rule(text, at, [&](std::size_t bytes, std::string_view replacement) {
    longest = {replacement, bytes};
    return true;
  });
  if (longest.bytes > 0) return longest;
  const auto length = utf8_length(text, at);
  if (length == 0) return {"\xEF\xBF\xBD", 1};
  return {text.substr(at, length), length};
}

namespace {

/// Bytes of the character at text[at] and the marks on it; of "\r\n" both.
std::size_t cluster_bytes(std::string_view text, std::size_t at) {
  if (text.substr(at).starts_with("\r\n")) return 2;
  const auto one = [&](std::size_t place) { return std::max<std::size_t>(1, utf8_length(text, place)); };
  std::size_t end = at + one(at);
  while (end < text.size()) {
    const auto length = utf8_length(text, end);
    constexpr char32_t kJoiner = 0x200D;
    if (length == 0) break;
    const auto code = code_point(text, end, length);
    if (!unicode::is_mark(code) && code != kJoiner) break;
    end += length;
  }
  return end - at;
}

}  // namespace

std::string SentencePieceNormaliser::rewritten_by_cluster(std::string_view text) const {
  constexpr std::size_t kMostBytes = 5;
  std::string out;
  const auto shortest = [&](std::string_view part) {
    std::optional<std::string_view> replacement;
    each_rule(part, 0, [&](std::size_t, std::string_view own) {
      replacement = own;
      return false;
    });
    return replacement;
  };
  for (std::size_t at = 0; at < text.size();) {
    const auto cluster = text.substr(at, cluster_bytes(text, at));
    at += cluster.size();
    if (cluster.size() <= kMostBytes) {
      if (const auto own = shortest(cluster)) {
        out += *own;
        continue;
      }
    }
    for (std::size_t i = 0; i < cluster.size();) {
      const auto part = cluster.substr(i, std::max<std::size_t>(1, utf8_length(cluster, i)));
      out += shortest(part).value_or(part);
      i += part.size();
    }
  }
  return out;
}

std::string SentencePieceNormaliser::normalise(std::string_view text) const {
  std::size_t at = 0;
  while (remove_extra_whitespaces && at < text.size()) {
    const auto next = step(text, at);
    if (next.text != " ") break;
    at += next.bytes;
  }
  std::string out;
  if (at >= text.size()) return out;
  const std::string_view space = escape_whitespaces ? kSpaceMark : std::string_view(" ");
  if (!space_is_suffix && add_dummy_prefix) out += space;
  bool behind_space = remove_extra_whitespaces;
  while (at < text.size()) {
    auto [own, bytes] = step(text, at);
    while (behind_space && own.starts_with(' ')) own.remove_prefix(1);
    for (const char byte : own) {
      if (byte == ' ') {
        out += space;
      } else {
        out.push_back(byte);
      }
    }
    if (!own.empty()) behind_space = own.ends_with(' ');
    if (!remove_extra_whitespaces) behind_space = false;
    at += bytes;
  }
  while (remove_extra_whitespaces && out.ends_with(space)) out.resize(out.size() - space.size());
  if (space_is_suffix && add_dummy_prefix) out += space;
  return out;
}

}  // namespace arzoo::io
