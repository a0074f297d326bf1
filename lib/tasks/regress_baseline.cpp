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

Baseline read_baseline(const std::filesystem::path& file) {
  const auto config = Config::load(file);
  config.only({"$schema", "title", "cells"});
  Baseline baseline{file, config.has("title") ? config.text("title") : file.stem().string(), {}};
  for (const auto& entry : config.at("cells").elements()) {
    auto options = entry.json();
    if (options.is_object()) {
      options.erase("metrics");
      options.erase("times");
    }
    RegressCell cell{Config(std::move(options), entry.name(), entry.pointer()).as<RegressOptions>(),
                     numbers_of(entry.section("metrics")), numbers_of(entry.section("times"))};
    baseline.cells.push_back(std::move(cell));
  }
  return baseline;
}

void write_baseline(const Baseline& baseline) {
  auto json = Config::load(baseline.file).json();
  for (std::size_t i = 0; i < baseline.cells.size(); ++i) {
    auto& cell = json["cells"][i];
    cell["metrics"] = as_json(baseline.cells[i].metrics);
    cell["times"] = as_json(baseline.cells[i].times);
  }
  write_atomically(baseline.file, json.dump(2) + "\n");
}

}  // namespace arzoo::tasks
