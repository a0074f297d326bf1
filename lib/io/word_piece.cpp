#include "io/word_piece.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "core/config.h"
#include "core/json_reader.h"
#include "core/text_file.h"
#include "core/text_lines.h"
#include "core/utf8.h"
#include "io/piece_table.h"
#include "io/tokenizer_parts.h"
#include "io/unicode.h"

namespace arzoo::io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kInside = "##";
constexpr std::size_t kLongestWord = 100;  // characters; a longer one is unknown

/// What BERT's basic tokenizer does to a text.
struct BasicRules {
  bool lower = true, strip_marks = true, split_chinese = true;

  static BasicRules beside(const fs::path& vocabulary);
};

bool flag_or(const Config& config, std::string_view key, bool otherwise) {
  if (is_given(config, key)) config.at(key).read(otherwise, {});
  return otherwise;
}

BasicRules BasicRules::beside(const fs::path& vocabulary) {
  const auto path = vocabulary.parent_path() / "tokenizer_config.json";
  if (!fs::exists(path)) return {};
  const auto text = read_text_file(path);
  const Config config(read_json<DataError>(text, path.string()), path.string());
  return as_data_errors([&] {
    BasicRules rules;
    rules.lower = flag_or(config, "do_lower_case", true);
    rules.strip_marks = flag_or(config, "strip_accents", rules.lower);
    rules.split_chinese = flag_or(config, "tokenize_chinese_chars", true);
    return rules;
  });
}

/// CJK ideographs, each of which is a word.
bool is_chinese(char32_t code) {
  constexpr std::pair<char32_t, char32_t> kBlocks[] = {
      {0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
      {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};
  return std::any_of(std::begin(kBlocks), std::end(kBlocks),
                     [&](const auto& block) { return code >= block.first && code <= block.second; });
}

/// With the ASCII symbols that Unicode does not count: $ + < = > ^ ` | ~.
bool divides_words(char32_t code) {
  const bool ascii = (code > 0x20 && code < 0x7F) && !(code >= '0' && code <= '9') &&
                     !(code >= 'A' && code <= 'Z') && !(code >= 'a' && code <= 'z');
  return ascii || unicode::is_punctuation(code);
}

/// A space for each kind of space, without control characters and what is no UTF-8.
std::string cleaned(std::string_view text, const BasicRules& rules) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto length = utf8_length(text, at);
    if (length == 0) {
      ++at;
      continue;
    }
    const auto code = code_point(text, at, length);
    at += length;
    if (unicode::is_space(code)) {
      out.push_back(' ');
    } else if (rules.split_chinese && is_chinese(code)) {
      out.push_back(' ');
      unicode::append_utf8(out, code);
      out.push_back(' ');
    } else if (code != 0xFFFD && !unicode::is_control(code)) {
      unicode::append_utf8(out, code);
    }
  }
  return out;
}

std::string lowered(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto length = utf8_length(text, at);
    unicode::append_utf8(out, unicode::lower_case(code_point(text, at, length)));
    at += length;
  }
  return out;
}

/// Calls use(word) for each run without spaces and each punctuation mark. text: UTF-8.
template <class Use>
void each_word(std::string_view text, const Use& use) {
  std::size_t begin = 0;
  const auto end_word = [&](std::size_t end) {
    if (end > begin) use(text.substr(begin, end - begin));
  };
  for (std::size_t at = 0; at < text.size();) {
    const auto length = utf8_length(text, at);
    const auto code = code_point(text, at, length);
    if (code == ' ' || divides_words(code)) {
      end_word(at);
      if (code != ' ') use(text.substr(at, length));
      begin = at + length;
    }
    at += length;
  }
  end_word(text.size());
}

std::size_t characters(std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < word.size(); at += utf8_length(word, at)) ++count;
  return count;
}

/// What a vocabulary's pieces are, and how words are cut.
struct WordPieces {
  std::vector<std::string> pieces;
  BasicRules rules;
  std::string inside = std::string(kInside);  ///< before a piece that is not a word's first
  std::size_t longest_word = kLongestWord;    ///< characters; a longer one is unknown
  int64_t unknown = 0;
  std::vector<std::pair<std::string, int64_t>> special = {};
  std::vector<int64_t> prefix = {};
  std::optional<int64_t> end = {};
};

class WordPieceTokenizer final : public Tokenizer {
 public:
  explicit WordPieceTokenizer(WordPieces own) : own_(std::move(own)), special_(own_.special) {
    // Of a piece that stands twice the later place counts, as in transformers.
    for (std::size_t i = 0; i < own_.pieces.size(); ++i) ids_[own_.pieces[i]] = static_cast<int64_t>(i);
  }

  std::string_view kind() const override { return "WordPiece"; }
  int64_t size() const override { return static_cast<int64_t>(own_.pieces.size()); }
  std::optional<int64_t> end() const override { return own_.end; }
  std::vector<int64_t> prefix() const override { return own_.prefix; }

  std::vector<int64_t> encode(std::string_view text) const override {
    std::vector<int64_t> ids;
    each_part(text, special_, ids, [&](std::string_view plain, bool) { encode_plain(plain, ids); });
    return ids;
  }

  std::string bytes_of(int64_t id, bool begins) const override {
    require_id(id);
    const auto& piece = own_.pieces[static_cast<std::size_t>(id)];
    if (special_.longest(piece, 0).first == piece.size() && !piece.empty()) return {};
    const auto& inside = own_.inside;
    if (!inside.empty() && piece.starts_with(inside) && piece.size() > inside.size())
      return piece.substr(inside.size());
    return begins ? piece : " " + piece;
  }
  std::string piece(int64_t id) const override {
    require_id(id);
    return own_.pieces[static_cast<std::size_t>(id)];
  }

 private:
  void encode_plain(std::string_view text, std::vector<int64_t>& ids) const {
    auto own = cleaned(text, own_.rules);
    if (own_.rules.strip_marks) own = unicode::without_marks(own);
    if (own_.rules.lower) own = lowered(own);
    each_word(own, [&](std::string_view word) { encode_word(word, ids); });
  }

  /// The longest pieces from the left; the whole word is unknown where none fits.
  void encode_word(std::string_view word, std::vector<int64_t>& ids) const {
    const auto known = ids.size();
    if (characters(word) > own_.longest_word) return ids.push_back(own_.unknown);
    for (std::size_t at = 0; at < word.size();) {
      const auto [length, id] = longest_piece(word, at);
      if (length == 0) {
        ids.resize(known);
        return ids.push_back(own_.unknown);
      }
      ids.push_back(id);
      at += length;
    }
  }

  std::pair<std::size_t, int64_t> longest_piece(std::string_view word, std::size_t at) const {
    std::string candidate(at > 0 ? own_.inside : "");
    const auto before = candidate.size();
    candidate += word.substr(at);
    for (; candidate.size() > before; candidate.pop_back()) {
      if (const auto found = ids_.find(candidate); found != ids_.end())
        return {candidate.size() - before, found->second};
    }
    return {0, 0};
  }

  WordPieces own_;
  std::unordered_map<std::string, int64_t> ids_;
  PieceTable special_;
};

}  // namespace

std::unique_ptr<Tokenizer> open_word_piece(const fs::path& vocabulary) {
  WordPieces own{.pieces = lines_of(read_text_file(vocabulary)), .rules = BasicRules::beside(vocabulary)};
  const auto id_of = [&](std::string_view name) -> std::optional<int64_t> {
    const auto found = std::find(own.pieces.rbegin(), own.pieces.rend(), name);
    if (found == own.pieces.rend()) return std::nullopt;
    return static_cast<int64_t>(own.pieces.rend() - found) - 1;
  };
  for (const char* name : {"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"}) {
    const auto found = id_of(name);
    const bool needed = own.special.size() < 3;
    if (!found && needed)
      fail<DataError>("{}: no {}, expected the vocabulary of a BERT", vocabulary.string(), name);
    if (found) own.special.emplace_back(name, *found);
  }
  own.unknown = own.special[0].second;
  own.prefix = {own.special[1].second};
  own.end = own.special[2].second;
  return std::make_unique<WordPieceTokenizer>(std::move(own));
}

namespace {

void require_word_piece_type(const Config& part, std::string_view only) {
  if (part.text("type") != only)
    part.at("type").reject(
        fmt::format("\"{}\" is not supported for a WordPiece, expected {}", part.text("type"), only));
}

/// Of a BertNormalizer.
BasicRules rules_of(const Config& part) {
  require_word_piece_type(part, "BertNormalizer");
  if (!flag_or(part, "clean_text", true)) part.at("clean_text").reject("is not supported, expected true");
  BasicRules rules;
  rules.lower = flag_or(part, "lowercase", true);
  rules.strip_marks = flag_or(part, "strip_accents", rules.lower);
  rules.split_chinese = flag_or(part, "handle_chinese_chars", true);
  return rules;
}

std::vector<std::string> pieces_of(const Config& vocabulary) {
  std::vector<std::string> pieces;
  for (const auto& [name, place] : vocabulary.members()) {
    int64_t id = 0;
    place.read(id, between(0, (1 << 24) - 1));
    if (static_cast<std::size_t>(id) >= pieces.size()) pieces.resize(static_cast<std::size_t>(id) + 1);
    pieces[static_cast<std::size_t>(id)] = name;
  }
  return pieces;
}

}  // namespace

std::unique_ptr<Tokenizer> word_piece_tokenizer(const Config& file) {
  const auto model = file.at("model");
  WordPieces own{.pieces = pieces_of(model.at("vocab")), .rules = {}};
  if (!is_given(file, "normalizer")) file.reject("has no normalizer, expected a BertNormalizer");
  own.rules = rules_of(file.at("normalizer"));
  require_word_piece_type(file.at("pre_tokenizer"), "BertPreTokenizer");
  if (is_given(model, "continuing_subword_prefix")) own.inside = model.text("continuing_subword_prefix");
  if (is_given(model, "max_input_chars_per_word")) {
    int64_t most = 0;
    model.at("max_input_chars_per_word").read(most, between(1, 1e6));
    own.longest_word = static_cast<std::size_t>(most);
  }
  const auto unknown = is_given(model, "unk_token") ? model.text("unk_token") : "[UNK]";
  const auto found = std::find(own.pieces.begin(), own.pieces.end(), unknown);
  if (found == own.pieces.end())
    model.reject(fmt::format("the vocabulary has no \"{}\" for what is unknown", unknown));
  own.unknown = found - own.pieces.begin();
  const auto added = added_tokens(file);
  for (const auto& token : added) {
    if (!token.special) continue;
    if (static_cast<std::size_t>(token.id) >= own.pieces.size())
      own.pieces.resize(static_cast<std::size_t>(token.id) + 1);
    own.pieces[static_cast<std::size_t>(token.id)] = token.content;
    own.special.emplace_back(token.content, token.id);
    if (token.content == "[SEP]") own.end = token.id;
  }
  for (const auto& token : added) {
    if (!token.special)
      file.at("added_tokens")
          .reject(
              fmt::format("\"{}\" is not special, which is not supported for a WordPiece", token.content));
  }
  if (is_given(file, "post_processor")) own.prefix = prefix_tokens(file.at("post_processor"), added);
  return std::make_unique<WordPieceTokenizer>(std::move(own));
}

}  // namespace arzoo::io
