#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "core/atomic_file.h"
#include "core/markdown_table.h"
#include "core/output_folder.h"
#include "plan/run_config.h"
#include "tasks/families.h"
#include "tasks/metrics_json.h"
#include "tasks/picture_cells.h"
#include "tasks/run_inputs.h"
#include "tasks/shape_cells.h"
#include "tasks/suite_results.h"
#include "tasks/tasks.h"
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

/// What a cell measures that trains nothing.
class Evaluation {
 public:
  virtual ~Evaluation() = default;
  /// The first file that is not there; empty when all are.
  virtual std::string missing() const = 0;
  /// All that decides the result.
  virtual Json identity() const = 0;
  /// {"test": {…}, "seconds", …}
  virtual Json run(const plan::ComputeOptions& compute, Progress& progress, Stop stop) const = 0;
};

template <class Options, Json (*kRun)(const Options&, const plan::ComputeOptions&, Progress&, Stop)>
class EvaluationOf final : public Evaluation {
 public:
  explicit EvaluationOf(Options options) : options_(std::move(options)) {}
  std::string missing() const override { return missing_input(options_); }
  Json identity() const override { return tasks::identity(options_); }
  Json run(const plan::ComputeOptions& compute, Progress& progress, Stop stop) const override {
    return kRun(options_, compute, progress, stop);
  }

 private:
  Options options_;
};

/// A cell trains a config ("config", "set"), or evaluates what is there.
struct TableCell {
  std::string name;
  std::vector<std::pair<std::string, double>> published;
  Json config;           ///< resolved; null in a cell that trains nothing
  Json study = nullptr;  ///< resolved; null where the trained model is not looked into
  std::shared_ptr<const Evaluation> evaluation = {};
  std::string beside = {};  ///< the cell whose costs this one's are compared with

  std::string missing() const { return evaluation ? evaluation->missing() : missing_input(config); }
  Json identity() const {
    if (evaluation) return evaluation->identity();
    return study.is_null() ? config : Json{{"config", config}, {"study", study}};
  }
};

/// A path in a suite is meant relative to the suite, or to where the command runs: the first that exists.
std::string found_beside(const fs::path& folder, const std::string& path) {
  const bool as_it_is = path.empty() || fs::path(path).is_absolute() || fs::exists(path);
  return as_it_is ? path : (folder / path).lexically_normal().string();
}

/// Pictures ("pictures" or "samples"), shapes ("shapes"), or forecasts ("model" or "baseline") of a file.
std::shared_ptr<const Evaluation> read_evaluation(const Config& cell, const fs::path& folder,
                                                  const Config& models) {
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
    return std::make_shared<EvaluationOf<PictureCellOptions, run_picture_cell>>(std::move(options));
  }
  if (ShapeCellOptions::describes(cell)) {
    auto options = cell.as<ShapeCellOptions>();
    find_models({&options.model});
    if (options.shapes != "solids") find({&options.shapes});
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

TableCell read_cell(const Config& cell, const fs::path& folder, const Config& models) {
  TableCell result;
  Json options = cell.json();
  options.erase("published");
  options.erase("study");
  options.erase("beside");
  if (cell.has("beside")) result.beside = cell.text("beside");
  if (!cell.has("config")) {
    result.name = cell.text("name");
    options.erase("name");
    result.evaluation =
        read_evaluation(Config(std::move(options), cell.name(), cell.pointer()), folder, models);
  } else {
    const auto trained = Config(std::move(options), cell.name(), cell.pointer()).as<CellOptions>();
    result.name = trained.name;
    const auto path = folder / trained.config;
    result.config = plan::resolve_run_config(Config::load(path, trained.set), path.parent_path());
  }
  if (cell.has("study")) result.study = resolve_study(cell.at("study"), result.config);
  for (const auto& [metric, number] : cell.section("published").members()) {
    double value = 0.0;
    number.read(value, {});
    result.published.emplace_back(metric, value);
  }
  return result;
}

std::vector<TableCell> read_cells(const plan::TableTask& task) {
  task.suite.only({"$schema", "title", "source", "models", "cells"});
  const auto models = task.suite.section("models");
  std::vector<std::string> names;
  for (const auto& entry : task.suite.at("cells").elements()) names.push_back(entry.text("name"));
  std::vector<TableCell> cells;
  for (const auto& entry : task.suite.at("cells").elements()) {
    auto cell = read_cell(entry, task.folder, models);
    if (!cell.beside.empty() && std::find(names.begin(), names.end(), cell.beside) == names.end())
      entry.at("beside").reject(fmt::format("no cell of the suite is called \"{}\"", cell.beside));
    if (is_wanted(task.only, cell.name)) cells.push_back(std::move(cell));
  }
  if (cells.empty()) fail_unwanted(task.suite, task.only);
  return cells;
}

/// FNV-1a over the resolved config: a finished cell is used again only for exactly the same run.
std::string fingerprint(const Json& config) {
  uint64_t hash = 14695981039346656037ULL;
  for (const unsigned char byte : dump_json(config)) hash = (hash ^ byte) * 1099511628211ULL;
  return fmt::format("{:016x}", hash);
}

/// The cell's earlier result, if it is of the same run.
std::optional<Json> finished(const fs::path& file, const std::string& hash) {
  if (!fs::exists(file)) return std::nullopt;
  const auto stored = Config::load(file);
  if (!stored.has("fingerprint") || stored.text("fingerprint") != hash) return std::nullopt;
  return stored.json();
}

bool is_run_of(const fs::path& file, const Json& config) {
  if (!fs::exists(file)) return false;
  const auto stored = Config::load(file);
  return stored.json() == config;
}

/// Looks into the trained model: its numbers join the cell's, its tables and charts lie in the cell's folder.
void add_study(const TableCell& cell, const fs::path& folder, Json& result, Progress& progress) {
  const Config run(cell.config, cell.name);
  const auto start = std::chrono::steady_clock::now();
  const auto found =
      family_of_model(run.at("model"))
          .study->run(Config(cell.study, cell.name), run, folder / "run" / "model", folder, progress);
  result["test"].update(found["test"]);
  for (const char* part : {"markdown", "tables", "charts"}) result[part] = found[part];
  result["study_seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Trains a cell, or goes on with it where an earlier call was interrupted.
Json train_cell(const TableCell& cell, const fs::path& folder, const plan::TableTask& task,
                Progress& progress, Stop stop) {
  const auto run = folder / "run";
  const bool resume = fs::exists(run / "last") && is_run_of(run / "config.json", cell.config);
  if (!resume) fs::remove_all(run);
  return train(
      {.compute = task.compute, .config = cell.config, .name = cell.name, .out = run, .resume = resume},
      progress, stop);
}

Json run_cell(const TableCell& cell, const fs::path& folder, const plan::TableTask& task, Progress& progress,
              Stop stop) {
  const auto hash = fingerprint(cell.identity());
  const auto file = folder / "result.json";
  if (auto done = finished(file, hash)) return *done;
  auto result = cell.evaluation ? cell.evaluation->run(task.compute, progress, stop)
                                : train_cell(cell, folder, task, progress, stop);
  if (!cell.study.is_null()) add_study(cell, folder, result, progress);
  result["fingerprint"] = hash;
  write_atomically(file, dump_json(result, 2) + "\n");
  return result;
}

/// Adds what cells save beside those that they name. A name that is no cell's of the suite is refused when
/// the suite is read.
void add_savings(const std::vector<TableCell>& cells, std::vector<Json>& results) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto other = std::find_if(cells.begin(), cells.end(),
                                    [&](const TableCell& cell) { return cell.name == cells[i].beside; });
    if (other == cells.end()) continue;
    const auto& beside = results[static_cast<std::size_t>(other - cells.begin())];
    if (!results[i].contains("test") || !beside.contains("test")) continue;
    results[i]["test"].update(metrics_json(savings(results[i]["test"], beside["test"])));
  }
}

/// What a cell's paper and its run have numbers for, the paper's first.
std::vector<std::string> metrics_of(const TableCell& cell, const Json& result) {
  std::vector<std::string> metrics;
  for (const auto& [metric, published] : cell.published) metrics.push_back(metric);
  if (!result.contains("test")) return metrics;
  for (const auto& [metric, value] : result["test"].items()) {
    if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end()) metrics.push_back(metric);
  }
  return metrics;
}

/// Rows of one metric each: published, measured, difference. A cell that did not run has a note instead.
Table results_table(const std::vector<TableCell>& cells, const std::vector<Json>& results) {
  Table table(
      {"cell", "metric", {"published", 3}, {"measured", 3}, {"difference", 3}, {"seconds", 0}, "note"});
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::map<std::string, double> published(cells[i].published.begin(), cells[i].published.end());
    for (const auto& metric : metrics_of(cells[i], results[i])) {
      const auto paper = published.find(metric);
      std::vector<Cell> row(table.columns().size());
      row[0] = cells[i].name;
      row[1] = metric;
      if (paper != published.end()) row[2] = paper->second;
      row[6] = results[i].value("skipped", "");
      if (results[i].contains("test") && results[i]["test"].contains(metric)) {
        const double measured = results[i]["test"][metric];
        row[3] = measured;
        if (paper != published.end()) row[4] = measured - paper->second;
        row[5] = results[i]["seconds"].get<double>();
      }
      table.add(std::move(row));
    }
  }
  return table;
}

/// Precisions have their own results: one is no cache of another.
fs::path folder_of(const TableCell& cell, const plan::TableTask& task) {
  return task.out / cell.name / task.compute.dtype;
}

/// The tables that the studies of the cells made, each below the cell's name.
std::string study_tables(const std::vector<TableCell>& cells, const std::vector<Json>& results) {
  std::string text;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto own = results[i].value("markdown", "");
    if (!own.empty()) text += fmt::format("\n## {}\n\n{}", cells[i].name, own);
  }
  return text;
}

}  // namespace

Json table(const plan::TableTask& task, Progress& progress, Stop stop) {
  const auto cells = read_cells(task);
  if (task.dry_run) {
    Json names = Json::array();
    for (const auto& cell : cells) names.push_back(cell.name);
    return {{"plan", {{"cells", names}, {"out", task.out.string()}}}};
  }
  std::vector<Json> results;
  for (const auto& cell : cells) {
    const auto absent = cell.missing();
    if (!absent.empty()) {
      progress.warn(fmt::format("{}: skipped, {} is not there", cell.name, absent));
      results.push_back({{"skipped", absent + " is not there"}});
      continue;
    }
    progress.note(cell.name);
    const auto folder = folder_of(cell, task);
    make_folder(folder);
    results.push_back(run_cell(cell, folder, task, progress, stop));
  }
  add_savings(cells, results);
  const auto rows = results_table(cells, results);
  Json result{{"title", task.suite.has("title") ? task.suite.text("title") : task.suite.name()}};
  if (task.suite.has("source")) result["source"] = task.suite.text("source");
  result["rows"] = to_json(rows);
  result["markdown"] = to_markdown(rows) + study_tables(cells, results);
  Report report;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (results[i].contains("charts"))
      report.sections.push_back(study_section(cells[i].name, results[i], folder_of(cells[i], task)));
  }
  write_suite_results(task.out, result, rows, std::move(report));
  return result;
}

}  // namespace arzoo::tasks
