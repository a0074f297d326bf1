#include "tasks/table_suite.h"

#include <algorithm>

#include "plan/run_config.h"
#include "registry/registry.h"
#include "tasks/run_inputs.h"
#include "tasks/suite_results.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;

/// A cell that trains: what a config reaches beside what was published for it.
struct CellOptions {
  std::string name;
  std::string config;
  std::vector<std::string> set;

  static void fields(auto& o, auto& field) {
    field("name", o.name, {}, "model/data/setting; unique, and the cell's folder below --out");
    field("config", o.config, {}, "training config, relative to the suite");
    field("set", o.set, {}, "overrides, as --set takes them");
  }
  void check() const { require(!name.empty() && !config.empty(), "name and config are needed"); }
};

/// A path in a suite is meant relative to the suite, or to where the command runs: the first that exists.
std::string found_beside(const fs::path& folder, const std::string& path) {
  const bool as_it_is = path.empty() || fs::path(path).is_absolute() || fs::exists(path);
  return as_it_is ? path : (folder / path).lexically_normal().string();
}

runtime::CellContext context_of(const plan::TableTask& task, const Config& models) {
  const auto find_file = [folder = task.folder](std::string& path) { path = found_beside(folder, path); };
  return {.find_model =
              [models, find_file](std::string& path) {
                if (models.has(path)) path = models.text(path);
                find_file(path);
              },
          .find_file = find_file,
          .seed = task.compute.seed,
          .resolve_config =
              [](const fs::path& path) {
                return plan::resolve_run_config(Config::load(path), path.parent_path());
              },
          .config_inputs = [](const Json& config) { return plan::input_paths(config); }};
}

/// A cell's wish to look into the model that it trains.
Json resolve_study(const Config& study, const Json& config) {
  if (config.is_null()) study.reject("a cell that trains nothing has no model to look into");
  const auto& entry = registry::entry_of(Config(config, study.name()).at("model"));
  if (!entry.study) study.reject(fmt::format("{} has no studies", entry.name));
  return entry.study->resolve(study);
}

TableCell read_cell(const Config& cell, const plan::TableTask& task, const Config& models) {
  TableCell result;
  Json options = cell.json();
  options.erase("published");
  options.erase("source");
  options.erase("study");
  options.erase("beside");
  if (cell.has("source")) result.source = cell.text("source");
  if (cell.has("beside")) result.beside = cell.text("beside");
  if (!cell.has("config")) {
    result.name = cell.text("name");
    options.erase("name");
    result.evaluation = registry::read_cell(Config(std::move(options), cell.name(), cell.pointer()),
                                            context_of(task, models));
  } else {
    const auto trained = Config(std::move(options), cell.name(), cell.pointer()).as<CellOptions>();
    result.name = trained.name;
    const auto path = task.folder / trained.config;
    result.config = plan::resolve_run_config(Config::load(path, trained.set), path.parent_path());
    if (task.compute.seed) result.config["seed"] = *task.compute.seed;
  }
  if (cell.has("study")) result.study = resolve_study(cell.at("study"), result.config);
  for (const auto& [metric, number] : cell.section("published").members()) {
    double value = 0.0;
    number.read(value, {});
    result.published.emplace_back(metric, value);
  }
  return result;
}

}  // namespace

std::vector<fs::path> TableCell::inputs() const {
  return evaluation ? evaluation->inputs() : plan::input_paths(config);
}

std::vector<TableCell> read_table_cells(const plan::TableTask& task) {
  task.suite.only({"$schema", "title", "source", "pareto", "models", "cells"});
  const auto models = task.suite.section("models");
  std::vector<std::string> names;
  for (const auto& entry : task.suite.at("cells").elements()) names.push_back(entry.text("name"));
  std::vector<TableCell> cells;
  for (const auto& entry : task.suite.at("cells").elements()) {
    auto cell = read_cell(entry, task, models);
    if (!cell.beside.empty() && std::find(names.begin(), names.end(), cell.beside) == names.end())
      entry.at("beside").reject(fmt::format("no cell of the suite is called \"{}\"", cell.beside));
    if (is_wanted(task.only, cell.name)) cells.push_back(std::move(cell));
  }
  if (cells.empty()) fail_unwanted(task.suite, task.only);
  return cells;
}

}  // namespace arzoo::tasks
