#include "speech/vocabulary.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "core/atomic_file.h"
#include "core/json.h"
#include "core/json_reader.h"
#include "core/text_file.h"
#include "core/utf8.h"

namespace arzoo::speech {
namespace {

bool is_chinese(std::string_view token) {
  for (std::size_t at = 0; at < token.size();) {
    const auto length = utf8_length(token, at);
    if (length == 0) return false;
    const auto code = code_point(token, at, length);
    const bool own = (code >= 0x4E00 && code <= 0x9FFF) || (code >= '0' && code <= '9') || code == '@';
    if (!own) return false;
    at += length;
  }
  return !token.empty();
}

bool is_letter(std::string_view word) {
  return word.size() == 1 && std::isalpha(static_cast<unsigned char>(word[0])) != 0;
}

std::string upper(std::string_view text) {
  std::string up(text);
  for (auto& c : up) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return up;
}

/// A finished word, and whether it is Chinese.
using Word = std::pair<std::string, bool>;

/// Tokens of which "@@" joins one to the next, as words.
std::vector<Word> words_of(const std::vector<std::string>& tokens) {
  std::vector<Word> words;
  bool joins = false;
  for (const auto& token : tokens) {
    const bool chinese = is_chinese(token);
    const bool continues = !chinese && token.ends_with("@@");
    const auto own = continues ? token.substr(0, token.size() - 2) : token;
    if (joins && !chinese) {
      words.back().first += own;
    } else {
      words.emplace_back(own, chinese);
    }
    joins = continues;
  }
  return words;
}

/// Single letters in a row, of which there are at least two, as one upper-case word.
std::vector<Word> with_acronyms(const std::vector<Word>& words) {
  std::vector<Word> merged;
  for (std::size_t i = 0; i < words.size();) {
    auto end = i;
    while (end < words.size() && !words[end].second && is_letter(words[end].first)) ++end;
    if (end - i < 2) {
      merged.push_back(words[i++]);
      continue;
    }
    std::string word;
    for (; i < end; ++i) word += upper(words[i].first);
    merged.emplace_back(word, false);
  }
  return merged;
}

}  // namespace

std::string joined_text(const std::vector<std::string>& tokens) {
  std::vector<std::string> kept;
  for (const auto& token : tokens) {
    if (token != "<s>" && token != "</s>" && token != "<unk>") kept.push_back(token);
  }
  std::string text;
  const auto words = with_acronyms(words_of(kept));
  for (std::size_t i = 0; i < words.size(); ++i) {
    text += words[i].first;
    if (i + 1 < words.size() && !words[i].second && !words[i + 1].second) text += ' ';
  }
  return text;
}

std::vector<std::string> split_units(std::string_view text, Vocabulary::Units units) {
  std::vector<std::string> all;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) all.push_back(std::exchange(word, {}));
  };
  for (std::size_t at = 0; at < text.size();) {
    const auto length = std::max<std::size_t>(1, utf8_length(text, at));
    const auto own = text.substr(at, length);
    at += length;
    if (own == " " || own == "\t" || own == "\n" || own == "\r") {
      flush();
    } else if (units == Vocabulary::Units::characters) {
      all.emplace_back(own);
    } else {
      word += own;
    }
  }
  flush();
  return all;
}

Vocabulary::Vocabulary(std::vector<std::string> tokens, Units units)
    : tokens_(std::move(tokens)), units_(units) {
  for (std::size_t i = 0; i < tokens_.size(); ++i) ids_.emplace(tokens_[i], static_cast<int64_t>(i));
}

Vocabulary Vocabulary::open(const std::filesystem::path& path, Units units) {
  const auto name = path.string();
  const auto text = read_text_file(path);
  std::vector<std::string> tokens;
  if (path.extension() == ".json") {
    const auto list = read_json<CheckpointError>(text, name);
    if (!list.is_array()) fail<CheckpointError>("{}: no list of tokens", name);
    for (const auto& token : list) {
      if (!token.is_string()) fail<CheckpointError>("{}: token {} is no text", name, tokens.size());
      tokens.push_back(token.get<std::string>());
    }
  } else {
    require_utf8(text, name);
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      auto line = text.substr(at, end - at);
      if (!line.empty() && line.back() == '\r') line.pop_back();
      tokens.push_back(std::move(line));
      at = end + 1;
    }
  }
  if (tokens.empty()) fail<CheckpointError>("{}: no tokens", name);
  return {std::move(tokens), units};
}

void Vocabulary::save(const std::filesystem::path& path) const {
  write_atomically(path, dump_json(Json(tokens_), 0) + "\n");
}

std::vector<int64_t> Vocabulary::encode(std::string_view text) const {
  std::vector<int64_t> ids;
  for (const auto& unit : split_units(text, units_)) {
    const auto found = ids_.find(unit);
    ids.push_back(found == ids_.end() ? -1 : found->second);
  }
  return ids;
}

std::string Vocabulary::text_of(const std::vector<int64_t>& ids) const {
  std::vector<std::string> tokens;
  for (const auto id : ids) {
    if (id >= 0 && id < size()) tokens.push_back(token(id));
  }
  return joined_text(tokens);
}

}  // namespace arzoo::speech
