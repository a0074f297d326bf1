#include "core/markdown_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string_view>

#include "core/display_text.h"
#include "core/json.h"

namespace arzoo {

namespace {

std::string markdown_cell(std::string_view text) {
  std::string escaped;
  for (const char byte : text) {
    if (byte == '|') {
      escaped += "\\|";
    } else if (byte == '\n') {
      escaped += "<br>";
    } else if (byte != '\r') {
      escaped += byte;
    }
  }
  return one_line(escaped);
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string space(width - std::min(width, display_width(text)), ' ');
  return right ? space + text : text + space;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of("\",\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char byte : text) quoted.append(byte == '"' ? 2 : 1, byte);
  return quoted + '"';
}

std::string csv_field(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return csv_field(std::string_view(*text));
  if (const auto* whole = std::get_if<std::int64_t>(&cell)) return fmt::format("{}", *whole);
  if (const auto* number = std::get_if<double>(&cell)) return fmt::format("{}", *number);
  return "";
}

}  // namespace

void Table::add(std::vector<Cell> row) {
  if (row.size() != columns_.size()) {
    throw std::logic_error(fmt::format("table: a row of {} cells, expected {}", row.size(), columns_.size()));
  }
  rows_.push_back(std::move(row));
}

std::string Table::shown(std::size_t row, std::size_t column) const {
  const Cell& cell = rows_.at(row).at(column);
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* whole = std::get_if<std::int64_t>(&cell)) return fmt::format("{}", *whole);
  const auto* number = std::get_if<double>(&cell);
  if (number == nullptr) return "";
  const int decimals = columns_[column].decimals;
  return decimals < 0 ? short_number(*number) : fmt::format("{:.{}f}", *number, decimals);
}

bool Table::is_numeric(std::size_t column) const {
  bool any = false;
  for (const auto& row : rows_) {
    if (std::holds_alternative<std::string>(row[column])) return false;
    any = any || !std::holds_alternative<std::monostate>(row[column]);
  }
  return any;
}

std::string to_markdown(const Table& table) {
  const std::size_t count = table.columns().size();
  std::vector<std::vector<std::string>> lines(1 + table.rows().size());
  std::vector<std::size_t> widths(count, 3);
  std::vector<bool> right(count);
  for (std::size_t c = 0; c < count; ++c) {
    right[c] = table.is_numeric(c);
    lines[0].push_back(markdown_cell(table.columns()[c].name));
    for (std::size_t r = 0; r < table.rows().size(); ++r)
      lines[r + 1].push_back(markdown_cell(table.shown(r, c)));
    for (const auto& line : lines) widths[c] = std::max(widths[c], display_width(line[c]));
  }
  std::string text;
  for (std::size_t r = 0; r < lines.size(); ++r) {
    for (std::size_t c = 0; c < count; ++c) text += "| " + padded(lines[r][c], widths[c], right[c]) + ' ';
    text += "|\n";
    if (r > 0) continue;
    for (std::size_t c = 0; c < count; ++c) {
      text += "| " + std::string(widths[c] - 1, '-') + (right[c] ? ": " : "- ");
    }
    text += "|\n";
  }
  return text;
}

std::string to_csv(const Table& table) {
  std::string text;
  for (std::size_t c = 0; c < table.columns().size(); ++c) {
    text += (c == 0 ? "" : ",") + csv_field(std::string_view(table.columns()[c].name));
  }
  text += '\n';
  for (const auto& row : table.rows()) {
    for (std::size_t c = 0; c < row.size(); ++c) text += (c == 0 ? "" : ",") + csv_field(row[c]);
    text += '\n';
  }
  return text;
}

Json to_json(const Table& table) {
  auto rows = Json::array();
  for (const auto& row : table.rows()) {
    auto object = Json::object();
    for (std::size_t c = 0; c < row.size(); ++c) {
      auto& value = object[table.columns()[c].name];
      if (const auto* text = std::get_if<std::string>(&row[c])) value = *text;
      if (const auto* whole = std::get_if<std::int64_t>(&row[c])) value = *whole;
      const auto* number = std::get_if<double>(&row[c]);
      if (number != nullptr && std::isfinite(*number)) value = *number;
    }
    rows.push_back(std::move(object));
  }
  return rows;
}

Table table_from_json(const Json& rows) {
  std::vector<Column> columns;
  if (rows.is_array() && !rows.empty() && rows.front().is_object()) {
    for (const auto& [name, value] : rows.front().items()) columns.emplace_back(name);
  }
  Table table(columns);
  if (columns.empty()) return table;
  for (const auto& row : rows) {
    std::vector<Cell> cells;
    for (const auto& column : columns) {
      const auto value = row.is_object() && row.contains(column.name) ? row[column.name] : nullptr;
      Cell cell;
      if (value.is_string())
        cell = value.get<std::string>();
      else if (value.is_number_integer())
        cell = value.get<std::int64_t>();
      else if (value.is_number())
        cell = value.get<double>();
      cells.push_back(std::move(cell));
    }
    table.add(std::move(cells));
  }
  return table;
}

}  // namespace arzoo
