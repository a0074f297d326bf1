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
std::string cleaned(std::string_view text, bool split_chinese) {
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
    } else if (split_chinese && is_chinese(code)) {
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

class WordPieceTokenizer final : public Tokenizer {
 public:
  WordPieceTokenizer(std::vector<std::string> pieces, const BasicRules& rules, const fs::path& path)
      : pieces_(std::move(pieces)), rules_(rules) {
    // Of a piece that stands twice the later place counts, as in transformers.
    for (std::size_t i = 0; i < pieces_.size(); ++i) ids_[pieces_[i]] = static_cast<int64_t>(i);
    std::vector<std::pair<std::string, int64_t>> special;
    for (const char* name : {"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"}) {
      const auto found = ids_.find(name);
      const bool needed = std::string_view(name) == "[UNK]" || std::string_view(name) == "[CLS]" ||
                          std::string_view(name) == "[SEP]";
      if (found == ids_.end() && needed)
        fail<DataError>("{}: no {}, expected the vocabulary of a BERT", path.string(), name);
      if (found != ids_.end()) special.emplace_back(name, found->second);
    }
    unknown_ = special[0].second;
    first_ = special[1].second;
    last_ = special[2].second;
    special_ = PieceTable(std::move(special));
  }

  std::string_view kind() const override { return "WordPiece"; }
  int64_t size() const override { return static_cast<int64_t>(pieces_.size()); }
  std::optional<int64_t> end() const override { return last_; }
  std::vector<int64_t> prefix() const override { return {first_}; }

  std::vector<int64_t> encode(std::string_view text) const override {
    std::vector<int64_t> ids;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
      const auto [length, id] = special_.longest(text, at);
      if (length == 0) {
        ++at;
        continue;
      }
      encode_plain(text.substr(begin, at - begin), ids);
      ids.push_back(id);
      begin = at += length;
    }
    encode_plain(text.substr(begin), ids);
    return ids;
  }

  std::string bytes_of(int64_t id, bool begins) const override {
    require_id(id);
    const auto& piece = pieces_[static_cast<std::size_t>(id)];
    if (special_.longest(piece, 0).first == piece.size() && !piece.empty()) return {};
    if (piece.starts_with(kInside) && piece.size() > kInside.size()) return piece.substr(kInside.size());
    return begins ? piece : " " + piece;
  }
  std::string piece(int64_t id) const override {
    require_id(id);
    return pieces_[static_cast<std::size_t>(id)];
  }

 private:
  void encode_plain(std::string_view text, std::vector<int64_t>& ids) const {
    auto own = cleaned(text, rules_.split_chinese);
    if (rules_.strip_marks) own = unicode::without_marks(own);
    if (rules_.lower) own = lowered(own);
    each_word(own, [&](std::string_view word) { encode_word(word, ids); });
  }

  /// The longest pieces from the left; the whole word is unknown where none fits.
  void encode_word(std::string_view word, std::vector<int64_t>& ids) const {
    const auto known = ids.size();
    if (characters(word) > kLongestWord) return ids.push_back(unknown_);
    for (std::size_t at = 0; at < word.size();) {
      const auto [length, id] = longest_piece(word, at);
      if (length == 0) {
        ids.resize(known);
        return ids.push_back(unknown_);
      }
      ids.push_back(id);
      at += length;
    }
  }

  std::pair<std::size_t, int64_t> longest_piece(std::string_view word, std::size_t at) const {
    std::string candidate(at > 0 ? kInside : "");
    const auto before = candidate.size();
    candidate += word.substr(at);
    for (; candidate.size() > before; candidate.pop_back()) {
      if (const auto found = ids_.find(candidate); found != ids_.end())
        return {candidate.size() - before, found->second};
    }
    return {0, 0};
  }

  std::vector<std::string> pieces_;
  std::unordered_map<std::string, int64_t> ids_;
  BasicRules rules_;
  PieceTable special_;
  int64_t unknown_ = 0, first_ = 0, last_ = 0;
};

}  // namespace

std::unique_ptr<Tokenizer> open_word_piece(const fs::path& vocabulary) {
  return std::make_unique<WordPieceTokenizer>(lines_of(read_text_file(vocabulary)),
                                              BasicRules::beside(vocabulary), vocabulary);
}

}  // namespace arzoo::io
