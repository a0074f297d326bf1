#include "io/pre_tokenizer.h"

#include <initializer_list>

#include "core/utf8.h"
#include "io/unicode.h"

namespace arzoo::io {
namespace {

enum class Class { letter, number, space, other, end };

/// A place in a text, with what stands there. A byte that is no UTF-8 is a character of no class.
class Cursor {
 public:
  Cursor(std::string_view text, std::size_t at) : text_(text), at_(at) { look(); }

  std::size_t at() const { return at_; }
  Class what() const { return class_; }
  char32_t code() const { return code_; }
  bool is(Class c) const { return class_ == c; }
  bool is_line_end() const { return code_ == '\n' || code_ == '\r'; }
  void step() {
    at_ += length_;
    look();
  }

 private:
  void look() {
    if (at_ >= text_.size()) {
      class_ = Class::end;
      code_ = 0;
      return;
    }
    const auto length = utf8_length(text_, at_);
    length_ = length == 0 ? 1 : length;
    code_ = length == 0 ? 0xFFFFFFFF : code_point(text_, at_, length);
    class_ = unicode::is_letter(code_)   ? Class::letter
             : unicode::is_number(code_) ? Class::number
             : unicode::is_space(code_)  ? Class::space
                                         : Class::other;
  }

  std::string_view text_;
  std::size_t at_, length_ = 0;
  char32_t code_ = 0;
  Class class_ = Class::end;
};

/// Bytes of 's, 't, 're, 've, 'm, 'll, 'd at text[at]; 0 for none. With `any_case`, U+017F is an s too, as
/// case folding has it.
std::size_t contraction(std::string_view text, std::size_t at, bool any_case) {
  if (at >= text.size() || text[at] != '\'') return 0;
  const auto rest = text.substr(at + 1);
  const auto lower = [&](char c) {
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  if (any_case && rest.starts_with("\u017f")) return 3;
  for (const std::string_view end : {"s", "t", "re", "ve", "m", "ll", "d"}) {
    if (rest.size() < end.size()) continue;
    bool same = true;
    for (std::size_t i = 0; i < end.size(); ++i) same = same && lower(rest[i]) == end[i];
    if (same) return 1 + end.size();
  }
  return 0;
}

void pass(Cursor& cursor, Class c) {
  while (cursor.is(c)) cursor.step();
}

/// \s+(?!\S)|\s+: the last white space before a word is left to it.
std::size_t spaces_end(Cursor cursor) {
  const std::size_t begin = cursor.at();
  std::size_t last = begin;
  while (cursor.is(Class::space)) {
    last = cursor.at();
    cursor.step();
  }
  return cursor.is(Class::end) || last == begin ? cursor.at() : last;
}

std::size_t gpt2_end(std::string_view text, std::size_t at) {
  if (const auto length = contraction(text, at, false); length > 0) return at + length;
  Cursor cursor(text, at);
  Cursor word = cursor;
  if (word.code() == ' ') word.step();
  if (word.is(Class::letter) || word.is(Class::number) || word.is(Class::other)) {
    pass(word, word.what());
    return word.at();
  }
  return spaces_end(cursor);
}

std::size_t llama3_end(std::string_view text, std::size_t at, int digits) {
  if (const auto length = contraction(text, at, true); length > 0) return at + length;
  const Cursor cursor(text, at);
  Cursor word = cursor;
  if (!word.is(Class::letter) && !word.is(Class::number) && !word.is_line_end()) word.step();
  if (word.is(Class::letter)) {
    pass(word, Class::letter);
    return word.at();
  }
  if (cursor.is(Class::number)) {
    Cursor number = cursor;
    for (int i = 0; i < digits && number.is(Class::number); ++i) number.step();
    return number.at();
  }
  Cursor signs = cursor;
  if (signs.code() == ' ') signs.step();
  if (signs.is(Class::other)) {
    pass(signs, Class::other);
    while (signs.is_line_end()) signs.step();
    return signs.at();
  }
  // \s*[\r\n]+: up to the last line end of the run.
  std::size_t lines = at;
  for (Cursor space = cursor; space.is(Class::space);) {
    const bool ends_line = space.is_line_end();
    space.step();
    if (ends_line) lines = space.at();
  }
  return lines > at ? lines : spaces_end(cursor);
}

void cut(std::string_view part, const PreTokenizer& how, std::vector<std::string_view>& pieces) {
  for (std::size_t at = 0; at < part.size();) {
    const auto end = how.pattern == PreTokenizer::Pattern::none   ? part.size()
                     : how.pattern == PreTokenizer::Pattern::gpt2 ? gpt2_end(part, at)
                                                                  : llama3_end(part, at, how.digits);
    pieces.push_back(part.substr(at, end - at));
    at = end;
  }
}

}  // namespace

std::vector<std::string_view> PreTokenizer::split(std::string_view text) const {
  std::vector<std::string_view> pieces;
  if (!single_digits) {
    cut(text, *this, pieces);
    return pieces;
  }
  std::size_t begin = 0;
  for (Cursor cursor(text, 0); !cursor.is(Class::end);) {
    const bool digit = cursor.is(Class::number);
    const auto at = cursor.at();
    cursor.step();
    if (!digit) continue;
    cut(text.substr(begin, at - begin), *this, pieces);
    cut(text.substr(at, cursor.at() - at), *this, pieces);
    begin = cursor.at();
  }
  cut(text.substr(begin), *this, pieces);
  return pieces;
}

}  // namespace arzoo::io
