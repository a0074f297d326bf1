#include "tasks/regress_baseline.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/atomic_file.h"

namespace arzoo::tasks {
namespace {

NamedNumbers numbers_of(const Config& section) {
  NamedNumbers numbers;
  for (const auto& [name, number] : section.members()) {
    double value = 0.0;
    number.read(value, {});
    numbers.emplace_back(name, value);
  }
  return numbers;
}

/// As few digits as tell more than any tolerance.
double rounded(double value) { return std::strtod(fmt::format("{:.7g}", value).c_str(), nullptr); }

Json as_json(const NamedNumbers& numbers) {
  Json json = Json::object();
  for (const auto& [name, value] : numbers)
    if (std::isfinite(value)) json[name] = rounded(value);
  return json;
}

Json as_json(const StoredCell& cell) {
  Json json{{"metrics", as_json(cell.metrics)}};
  if (!cell.times.empty()) json["times"] = as_json(cell.times);
  for (const auto& [processor, times] : cell.processors) json["processors"][processor] = as_json(times);
  return json;
}

StoredCell cell_of(const Config& section) {
  section.only({"metrics", "times", "processors"});
  StoredCell cell{numbers_of(section.section("metrics")), numbers_of(section.section("times")), {}};
  for (const auto& [processor, times] : section.section("processors").members())
    cell.processors[processor] = numbers_of(times);
  return cell;
}

}  // namespace

std::optional<double> number_called(const NamedNumbers& numbers, const std::string& name) {
  const auto found =
      std::find_if(numbers.begin(), numbers.end(), [&](const auto& n) { return n.first == name; });
  return found == numbers.end() ? std::nullopt : std::optional(found->second);
}

std::optional<StoredTime> StoredCell::time(const std::string& processor, const std::string& work) const {
  if (const auto found = processors.find(processor); found != processors.end()) {
    if (const auto own = number_called(found->second, work)) return StoredTime{*own, true};
  }
  auto longest = number_called(times, work);
  for (const auto& [name, others] : processors) {
    if (const auto value = number_called(others, work)) longest = std::max(longest.value_or(*value), *value);
  }
  return longest ? std::optional(StoredTime{*longest, false}) : std::nullopt;
}

Baseline::Baseline(std::filesystem::path file, bool must_exist) : file_(std::move(file)) {
  if (!must_exist && !std::filesystem::exists(file_)) return;
  for (const auto& [name, cell] : Config::load(file_).members()) cells_[name] = cell_of(cell);
}

const StoredCell& Baseline::at(const std::string& cell) const {
  static const StoredCell kNothing;
  const auto found = cells_.find(cell);
  return found == cells_.end() ? kNothing : found->second;
}

void Baseline::write() const {
  Json json = Json::object();
  for (const auto& [name, cell] : cells_) json[name] = as_json(cell);
  write_atomically(file_, dump_json(json, 2) + "\n");
}

}  // namespace arzoo::tasks
