#include "graph/event_table.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/closest.h"
#include "core/error.h"
#include "io/cell_number.h"
#include "io/csv.h"

namespace arzoo::graph {
namespace {

constexpr std::string_view kExpected = "src,dst,time[,label][,features…]";

std::size_t column_of(const io::CsvTable& csv, const char* name) {
  if (const auto column = csv.find(name)) return *column;
  auto names = csv.column_names();
  constexpr std::size_t kShown = 12;
  const bool more = names.size() > kShown;
  if (more) names.resize(kShown);
  for (auto& column : names) column = io::shown(column);
  fail<DataError>("{}:{}: no column \"{}\" among {}{}, expected {}", csv.name(), csv.header_line(), name,
                  fmt::join(names, ", "), more ? ", …" : "", kExpected);
}

/// A finite number.
double number_at(const io::CsvTable& csv, std::size_t row, std::size_t column) {
  const auto cell = csv.cell(row, column);
  const auto number = io::read_number(cell);
  if (number.kind == io::CellKind::number && std::isfinite(number.value)) return number.value;
  fail<DataError>("{}:{}: {} is {}, expected a finite number{}", csv.name(), csv.line(row),
                  csv.column_name(column), cell.empty() ? std::string("empty") : io::shown(cell),
                  number.kind == io::CellKind::text ? io::number_hint(cell) : "");
}

double time_at(const io::CsvTable& csv, std::size_t row, std::size_t column) {
  const double time = number_at(csv, row, column);
  if (time < 0.0)
    fail<DataError>("{}:{}: time is {}, expected seconds from 0 on (add the same number to all times)",
                    csv.name(), csv.line(row), io::shown(csv.cell(row, column)));
  return time;
}

std::string_view name_at(const io::CsvTable& csv, std::size_t row, std::size_t column) {
  const auto cell = csv.cell(row, column);
  if (cell.empty())
    fail<DataError>("{}:{}: {} is empty, expected the name of a node", csv.name(), csv.line(row),
                    csv.column_name(column));
  return cell;
}

/// The items of `values`, `width` of them for each event, in another order of the events.
template <class T>
std::vector<T> ordered(const std::vector<T>& values, const std::vector<uint32_t>& order, std::size_t width) {
  std::vector<T> result;
  result.reserve(values.size());
  for (const std::size_t event : order) {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(event * width);
    result.insert(result.end(), first, first + static_cast<std::ptrdiff_t>(width));
  }
  return result;
}

}  // namespace

NodeNames::NodeNames(const std::vector<std::string_view>& names, std::vector<uint32_t>& numbers) {
  // Sorted, not hashed: a file's author could choose names that collide.
  std::vector<uint32_t> order(names.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return names[a] != names[b] ? names[a] < names[b] : a < b; });
  // The first cell of each name, then the nodes in the order of these cells.
  numbers.assign(names.size(), 0);
  std::vector<uint32_t> firsts;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || names[order[i]] != names[order[i - 1]]) firsts.push_back(order[i]);
    numbers[order[i]] = firsts.back();
  }
  by_name_.resize(firsts.size());
  std::iota(by_name_.begin(), by_name_.end(), 0U);
  std::sort(by_name_.begin(), by_name_.end(), [&](uint32_t a, uint32_t b) { return firsts[a] < firsts[b]; });
  for (uint32_t node = 0; node < by_name_.size(); ++node) {
    const uint32_t first = firsts[by_name_[node]];
    begins_.push_back(static_cast<uint32_t>(text_.size()));
    text_ += names[first];
    order[first] = node;  // from here on: the node of a first cell
  }
  begins_.push_back(static_cast<uint32_t>(text_.size()));
  for (auto& number : numbers) number = order[number];
  // by_name_ maps nodes to their rank; the reverse is wanted.
  std::vector<uint32_t> ranked(by_name_.size());
  for (uint32_t node = 0; node < by_name_.size(); ++node) ranked[by_name_[node]] = node;
  by_name_ = std::move(ranked);
}

std::string_view NodeNames::name(int64_t node) const {
  const auto i = static_cast<std::size_t>(node);
  return std::string_view(text_).substr(begins_[i], begins_[i + 1] - begins_[i]);
}

std::optional<int64_t> NodeNames::find(std::string_view name) const {
  const auto found =
      std::lower_bound(by_name_.begin(), by_name_.end(), name,
                       [&](uint32_t node, std::string_view text) { return this->name(node) < text; });
  if (found == by_name_.end() || this->name(*found) != name) return std::nullopt;
  return *found;
}

int64_t NodeNames::at(std::string_view name, std::string_view where) const {
  if (const auto node = find(name)) return *node;
  constexpr int64_t kCompared = 20000;
  std::vector<std::string> known;
  for (int64_t node = 0; node < std::min(size(), kCompared); ++node) known.emplace_back(this->name(node));
  const auto near = closest(std::string(name), known);
  fail<DataError>("{}: no event has a node {}{}", where, io::shown(name),
                  near ? fmt::format(" (did you mean {}?)", io::shown(*near)) : "");
}

EventTable EventTable::read(const std::filesystem::path& path) { return of(io::CsvTable::read(path)); }

EventTable EventTable::parse(std::string text, std::string name) {
  return of(io::CsvTable::parse(std::move(text), std::move(name)));
}

EventTable EventTable::of(const io::CsvTable& csv) {
  EventTable table;
  table.file = csv.name();
  const auto source = column_of(csv, "src"), target = column_of(csv, "dst"), time = column_of(csv, "time");
  const auto label = csv.find("label");
  std::vector<std::size_t> features;
  for (std::size_t column = 0; column < csv.columns(); ++column) {
    if (column == source || column == target || column == time || column == label) continue;
    features.push_back(column);
    table.feature_names.emplace_back(csv.column_name(column));
  }
  if (csv.rows() == 0) fail<DataError>("{}: no events below the header", csv.name());
  table.time.reserve(csv.rows());
  table.features.reserve(csv.rows() * features.size());
  std::vector<std::string_view> names;
  names.reserve(csv.rows() * 2);
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    names.push_back(name_at(csv, row, source));
    names.push_back(name_at(csv, row, target));
    table.time.push_back(time_at(csv, row, time));
    if (label) number_at(csv, row, *label);
    for (const auto column : features)
      table.features.push_back(static_cast<float>(number_at(csv, row, column)));
  }
  std::vector<uint32_t> numbers;
  table.nodes = NodeNames(names, numbers);
  names = {};
  for (std::size_t i = 0; i < numbers.size(); i += 2) {
    table.source.push_back(numbers[i]);
    table.target.push_back(numbers[i + 1]);
  }
  table.sort_by_time();
  table.count_repeats();
  return table;
}

void EventTable::sort_by_time() {
  int64_t late = 0;
  for (std::size_t i = 1; i < time.size(); ++i) late += time[i] < time[i - 1] ? 1 : 0;
  if (late == 0) return;
  std::vector<uint32_t> order(time.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return time[a] < time[b]; });
  source = ordered(source, order, 1);
  target = ordered(target, order, 1);
  time = ordered(time, order, 1);
  if (!feature_names.empty()) features = ordered(features, order, feature_names.size());
  notes.push_back(
      fmt::format("{}: {} events were earlier than the one before them, sorted by time", file, late));
}

void EventTable::count_repeats() {
  int64_t repeats = 0, loops = 0;
  std::vector<uint64_t> pairs;
  for (std::size_t i = 0; i < time.size(); ++i) {
    pairs.push_back((uint64_t{source[i]} << 32) | target[i]);
    loops += source[i] == target[i] ? 1 : 0;
    if (i + 1 < time.size() && time[i + 1] == time[i]) continue;
    std::sort(pairs.begin(), pairs.end());
    repeats += pairs.end() - std::unique(pairs.begin(), pairs.end());
    pairs.clear();
  }
  if (repeats > 0)
    notes.push_back(
        fmt::format("{}: {} events have the src, dst and time of another, all are kept", file, repeats));
  if (loops > 0) notes.push_back(fmt::format("{}: {} events join a node with itself", file, loops));
}

int64_t EventTable::first_at(double moment) const {
  return std::lower_bound(time.begin(), time.end(), moment) - time.begin();
}

}  // namespace arzoo::graph
