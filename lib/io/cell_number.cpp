#include "io/cell_number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <system_error>

#include "core/ascii.h"

namespace arzoo::io {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool equal_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return to_lower(a) == b; });
}

bool means_missing(std::string_view cell) {
  constexpr std::array<std::string_view, 6> kWords = {"", "nan", "na", "n/a", "null", "none"};
  return cell.size() <= 4 && std::any_of(kWords.begin(), kWords.end(), [cell](std::string_view word) {
           return equal_ignoring_case(cell, word);
         });
}

std::size_t digits_at(std::string_view text, std::size_t at) {
  const std::size_t start = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return at - start;
}

/// The number with a decimal point and without groups; empty if it is none with a decimal comma.
std::string with_point(std::string_view cell) {
  constexpr std::size_t kGroup = 3;
  std::size_t at = cell.find_first_not_of("+-");
  if (at == std::string_view::npos || at > 1) return {};
  std::string number(cell.substr(0, at));
  std::size_t digits = digits_at(cell, at), groups = 0;
  const bool may_group = digits > 0 && digits <= kGroup;
  number += cell.substr(at, digits);
  for (at += digits; at < cell.size() && cell[at] == '.'; at += kGroup + 1, ++groups) {
    if (!may_group || digits_at(cell, at + 1) != kGroup) return {};
    number += cell.substr(at + 1, kGroup);
  }
  const bool has_comma = at < cell.size() && cell[at] == ',';
  // "1.234" alone could be a number with a decimal point.
  if (groups == 1 && !has_comma) return {};
  if (has_comma) number += '.', ++at;
  return number.append(cell.substr(at));
}

CellNumber read_point_number(std::string_view cell) {
  const bool plus = cell.front() == '+' && cell.size() > 1 && cell[1] != '-';
  const char* begin = cell.data() + (plus ? 1 : 0);
  const char* end = cell.data() + cell.size();
  double value = kNaN;
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (stop != end || error == std::errc::invalid_argument) return {CellKind::text, kNaN};
  // from_chars leaves the value alone both above and below the range; strtod tells infinity from zero.
  if (error == std::errc::result_out_of_range) value = std::strtod(std::string(begin, end).c_str(), nullptr);
  if (value != value) return {CellKind::text, kNaN};  // "nan(...)" and "-nan" are not in the list
  return {CellKind::number, value};
}

}  // namespace

CellNumber read_number(std::string_view cell, DecimalMark mark) {
  cell = trimmed(cell);
  if (means_missing(cell)) return {CellKind::missing, kNaN};
  if (mark == DecimalMark::point || cell.find_first_of(",.") == std::string_view::npos)
    return read_point_number(cell);
  const auto number = with_point(cell);
  return number.empty() ? CellNumber{CellKind::text, kNaN} : read_point_number(number);
}

CommaUse comma_use(std::string_view cell) {
  cell = trimmed(cell);
  const std::size_t comma = cell.find(',');
  if (comma == std::string_view::npos || read_number(cell, DecimalMark::comma).kind != CellKind::number)
    return CommaUse::none;
  const std::size_t first = cell.find_first_not_of("+-");
  const bool group = digits_at(cell, comma + 1) == 3 && comma + 4 == cell.size() && comma - first <= 3 &&
                     comma > first && cell[first] != '0' && digits_at(cell, first) == comma - first;
  return group ? CommaUse::perhaps_decimal : CommaUse::decimal;
}

std::string number_hint(std::string_view cell) {
  cell = trimmed(cell);
  constexpr std::string_view kSeparators = ",' ";
  const auto in_number = [&](char c) {
    return is_digit(c) || c == '.' || c == '-' || c == '+' || kSeparators.find(c) != std::string_view::npos;
  };
  const bool grouped = std::any_of(cell.begin(), cell.end(), is_digit) &&
                       std::all_of(cell.begin(), cell.end(), in_number) &&
                       cell.find_first_of(kSeparators) != std::string_view::npos;
  if (!grouped) return {};
  const std::size_t last_comma = cell.rfind(',');
  const bool one_comma = last_comma != std::string_view::npos && cell.find(',') == last_comma;
  const bool groups_of_three = cell.size() - last_comma == 4 || cell.rfind('.') != std::string_view::npos;
  return one_comma && !groups_of_three ? " (write a decimal point, not a decimal comma)"
                                       : " (write it without thousands separators, with a decimal point)";
}

}  // namespace arzoo::io
