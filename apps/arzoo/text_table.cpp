#include "text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/display_text.h"

namespace arzoo::cli {
namespace {

constexpr std::size_t kGap = 2;

std::string padded(const std::string& text, std::size_t width, bool to_the_right) {
  const std::string space(width - std::min(width, display_width(text)), ' ');
  return to_the_right ? space + text : text + space;
}

std::string without_trailing_space(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

}  // namespace

std::string aligned(const Table& table) {
  const auto& columns = table.columns();
  std::vector<std::vector<std::string>> cells(table.rows().size() + 1);
  std::vector<std::size_t> widths;
  std::vector<bool> to_the_right;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    to_the_right.push_back(table.is_numeric(c));
    cells[0].push_back(columns[c].name);
    for (std::size_t r = 0; r < table.rows().size(); ++r) cells[r + 1].push_back(one_line(table.shown(r, c)));
    std::size_t width = 0;
    for (const auto& row : cells) width = std::max(width, display_width(row[c]));
    widths.push_back(width);
  }
  std::string text;
  for (const auto& row : cells) {
    std::string line;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      if (c > 0) line += std::string(kGap, ' ');
      line += padded(row[c], widths[c], to_the_right[c]);
    }
    text += without_trailing_space(std::move(line));
  }
  return text;
}

std::string labelled(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t width = 0;
  for (const auto& [label, value] : rows) width = std::max(width, display_width(label));
  std::string text;
  for (const auto& [label, value] : rows) {
    text += without_trailing_space(padded(one_line(label), width + kGap, false) + one_line(value));
  }
  return text;
}

std::string byte_text(double bytes) {
  constexpr std::array kUnits{"kB", "MB", "GB", "TB"};
  if (bytes < 1000.0) return fmt::format("{:.0f} B", bytes);
  std::size_t unit = 0;
  for (bytes /= 1000.0; bytes >= 999.5 && unit + 1 < kUnits.size(); ++unit) bytes /= 1000.0;
  return fmt::format("{:.{}f} {}", bytes, bytes < 10.0 ? 1 : 0, kUnits[unit]);
}

}  // namespace arzoo::cli
