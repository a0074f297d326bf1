#include "core/cell_number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <system_error>

#include "core/ascii.h"

namespace arzoo {
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

}  // namespace

CellNumber read_number(std::string_view cell) {
  cell = trimmed(cell);
  if (means_missing(cell)) return {CellKind::missing, kNaN};
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

}  // namespace arzoo
