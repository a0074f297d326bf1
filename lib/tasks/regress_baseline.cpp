#include "tasks/regress_baseline.h"

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

}  // namespace

Baseline::Baseline(std::filesystem::path file, bool must_exist) : file_(std::move(file)) {
  if (!must_exist && !std::filesystem::exists(file_)) return;
  for (const auto& [name, cell] : Config::load(file_).members()) {
    cell.only({"metrics", "times"});
    cells_[name] = {numbers_of(cell.section("metrics")), numbers_of(cell.section("times"))};
  }
}

const StoredCell& Baseline::at(const std::string& cell) const {
  static const StoredCell kNothing;
  const auto found = cells_.find(cell);
  return found == cells_.end() ? kNothing : found->second;
}

void Baseline::write() const {
  Json json = Json::object();
  for (const auto& [name, cell] : cells_)
    json[name] = {{"metrics", as_json(cell.metrics)}, {"times", as_json(cell.times)}};
  write_atomically(file_, dump_json(json, 2) + "\n");
}

}  // namespace arzoo::tasks
