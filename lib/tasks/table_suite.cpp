#include "tasks/table_suite.h"

#include <algorithm>

#include "plan/run_config.h"
#include "tasks/families.h"
#include "tasks/picture_cells.h"
#include "tasks/run_inputs.h"
#include "tasks/shape_cells.h"
#include "tasks/suite_results.h"
#include "tasks/zero_shot.h"

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

template <class Options, Json (*kRun)(const Options&, const plan::ComputeOptions&, Progress&, Stop)>
class EvaluationOf final : public Evaluation {
 public:
  explicit EvaluationOf(Options options) : options_(std::move(options)) {}
  std::vector<fs::path> inputs() const override { return inputs_of(options_); }
  Json options() const override { return to_json(options_); }
  Json run(const plan::ComputeOptions& compute, Progress& progress, Stop stop) const override {
    return kRun(options_, compute, progress, stop);
  }

 private:
  Options options_;
};

/// A path in a suite is meant relative to the suite, or to where the command runs: the first that exists.
std::string found_beside(const fs::path& folder, const std::string& path) {
  const bool as_it_is = path.empty() || fs::path(path).is_absolute() || fs::exists(path);
  return as_it_is ? path : (folder / path).lexically_normal().string();
}

/// Pictures ("pictures" or "samples"), shapes ("shapes"), or forecasts ("model" or "baseline") of a file.
/// A seed replaces that of the cell, if it has one.
std::shared_ptr<const Evaluation> read_evaluation(const Config& cell, const fs::path& folder,
                                                  const Config& models, const std::optional<int64_t>& seed) {
  const auto find_models = [&](std::initializer_list<std::string*> paths) {
    for (auto* path : paths) {
      if (models.has(*path)) *path = models.text(*path);
      *path = found_beside(folder, *path);
    }
  };
  const auto find = [&](std::initializer_list<std::string*> paths) {
    for (auto* path : paths) *path = found_beside(folder, *path);
  };
  if (PictureCellOptions::describes(cell)) {
    auto options = cell.as<PictureCellOptions>();
    find_models({&options.model, &options.drafter, &options.refiner});
    find({&options.pictures, &options.features, &options.samples, &options.reference});
    for (auto& path : options.random) find({&path});
    options.seed = seed.value_or(options.seed);
    return std::make_shared<EvaluationOf<PictureCellOptions, run_picture_cell>>(std::move(options));
  }
  if (ShapeCellOptions::describes(cell)) {
    auto options = cell.as<ShapeCellOptions>();
    find_models({&options.model});
    if (options.shapes != "solids") find({&options.shapes});
    options.seed = seed.value_or(options.seed);
    return std::make_shared<EvaluationOf<ShapeCellOptions, run_shape_cell>>(std::move(options));
  }
  auto options = cell.as<ZeroShotOptions>();
  find_models({&options.model});
  find({&options.data, &options.fit});
  return std::make_shared<EvaluationOf<ZeroShotOptions, run_zero_shot>>(std::move(options));
}

/// A cell's wish to look into the model that it trains.
Json resolve_study(const Config& study, const Json& config) {
  if (config.is_null()) study.reject("a cell that trains nothing has no model to look into");
  const auto& family = family_of_model(Config(config, study.name()).at("model"));
  if (!family.study) study.reject(fmt::format("the family {} has no studies", family.name));
  return family.study->resolve(study);
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
    result.evaluation = read_evaluation(Config(std::move(options), cell.name(), cell.pointer()), task.folder,
                                        models, task.compute.seed);
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
  return evaluation ? evaluation->inputs() : inputs_of(config);
}

std::vector<TableCell> read_table_cells(const plan::TableTask& task) {
  task.suite.only({"$schema", "title", "source", "models", "cells"});
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
