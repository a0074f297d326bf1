#include "io/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "io/formula_text.h"

namespace arzoo::io {

void CsvTable::index_columns() {
  for (std::size_t i = 0; i < columns_; ++i) {
    Cell& cell = cells_[i];
    while (cell.size > 0 && text_[cell.offset] == ' ') ++cell.offset, --cell.size;
    while (cell.size > 0 && text_[cell.offset + cell.size - 1] == ' ') --cell.size;
  }
  // Sorting, not hashing: names made to collide must not make a wide header quadratic.
  std::vector<std::pair<std::string_view, std::uint32_t>> names(columns_);
  for (std::size_t i = 0; i < columns_; ++i) names[i] = {column_name(i), static_cast<std::uint32_t>(i)};
  std::sort(names.begin(), names.end());
  for (std::size_t i = 1; i < columns_; ++i) {
    if (names[i].first == names[i - 1].first)
      fail<DataError>("{}:{}: columns {} and {} are both named {}, expected different names", name_,
                      header_line(), names[i - 1].second + 1, names[i].second + 1, shown(names[i].first));
  }
  columns_by_name_.resize(columns_);
  for (std::size_t i = 0; i < columns_; ++i) columns_by_name_[i] = names[i].second;
}

std::size_t CsvTable::row_offset(std::size_t row) const {
  const auto first = cells_[(row + 1) * columns_].offset;
  // A quoted cell is a view behind its quote.
  return first > 0 && text_[first - 1] == '"' ? first - 1 : first;
}

void CsvTable::keep_rows(std::size_t rows) {
  cells_.resize((rows + 1) * columns_);
  lines_.resize(rows + 1);
}

std::optional<std::size_t> CsvTable::find(std::string_view wanted) const {
  const auto at = std::lower_bound(
      columns_by_name_.begin(), columns_by_name_.end(), wanted,
      [this](std::uint32_t column, std::string_view name) { return column_name(column) < name; });
  if (at == columns_by_name_.end() || column_name(*at) != wanted) return std::nullopt;
  return *at;
}

std::vector<std::string> CsvTable::column_names() const {
  std::vector<std::string> names;
  names.reserve(columns_);
  for (std::size_t i = 0; i < columns_; ++i) names.emplace_back(column_name(i));
  return names;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  std::string line = "\"";
  std::size_t end = std::min(text.size(), kLongest);
  // A cut inside a UTF-8 sequence would make the message invalid text.
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  for (const char c : text.substr(0, end)) {
    if (c == '"') line += '\\';
    line += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  }
  return line + (end < text.size() ? "...\"" : "\"");
}

void CsvText::separate() {
  if (!at_row_start_) text_ += delimiter_;
  at_row_start_ = false;
}

CsvText& CsvText::cell(std::string_view text) {
  // A row of one empty cell would read back as a blank line.
  const bool alone = at_row_start_ && text.empty();
  separate();
  const bool formula = is_formula(text);
  const bool padded = !text.empty() && (text.front() == ' ' || text.back() == ' ');
  const bool quote = alone || padded || text.find(delimiter_) != std::string_view::npos ||
                     text.find_first_of("\"\r\n") != std::string_view::npos;
  if (quote) text_ += '"';
  if (formula) text_ += kFormulaMark;
  if (!quote) {
    text_ += text;
    return *this;
  }
  for (const char c : text) {
    if (c == '"') text_ += '"';
    text_ += c;
  }
  text_ += '"';
  return *this;
}

CsvText& CsvText::cell(double value) {
  if (std::isnan(value)) return cell(std::string_view());
  separate();
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  text_.append(digits.data(), end);
  return *this;
}

CsvText& CsvText::cell(std::int64_t value) {
  separate();
  text_ += fmt::format_int(value).c_str();
  return *this;
}

CsvText& CsvText::end_row() {
  text_ += '\n';
  at_row_start_ = true;
  return *this;
}

}  // namespace arzoo::io
