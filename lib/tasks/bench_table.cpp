#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "core/atomic_file.h"
#include "core/cuda_driver.h"
#include "core/markdown_table.h"
#include "core/output_folder.h"
#include "plan/run_config.h"
#include "registry/registry.h"
#include "runtime/metrics_json.h"
#include "tasks/failure.h"
#include "tasks/pareto.h"
#include "tasks/run_inputs.h"
#include "tasks/suite_results.h"
#include "tasks/table_suite.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;

/// FNV-1a over what decides a result: a finished cell is used again only for exactly the same.
std::string fingerprint(const Json& identity) {
  uint64_t hash = 14695981039346656037ULL;
  for (const unsigned char byte : dump_json(identity)) hash = (hash ^ byte) * 1099511628211ULL;
  return fmt::format("{:016x}", hash);
}

/// All that decides what a cell trains or evaluates. The precision has a folder of its own.
Json identity_of(const TableCell& cell, const plan::ComputeOptions& compute) {
  const auto& device = compute.device;
  return {{"device", !wants_cuda(device) ? "cpu"
                     : device == "auto"  ? "cuda"
                                         : device},
          {"options", cell.evaluation ? cell.evaluation->options() : cell.config},
          {"files", file_digests(cell.inputs())}};
}

/// The document in the file, if it carries this fingerprint.
std::optional<Json> marked(const fs::path& file, const std::string& hash) {
  if (!fs::exists(file)) return std::nullopt;
  const auto stored = Config::load(file);
  if (!stored.has("fingerprint") || stored.text("fingerprint") != hash) return std::nullopt;
  return stored.json();
}

/// Looks into the trained model: its numbers join the cell's, its tables and charts lie in the cell's folder.
void add_study(const TableCell& cell, const fs::path& folder, Json& result, Progress& progress) {
  const Config run(cell.config, cell.name);
  const auto start = std::chrono::steady_clock::now();
  const auto found =
      registry::entry_of(run.at("model"))
          .study->run(Config(cell.study, cell.name), run, folder / "run" / "model", folder, progress);
  result["test"].update(found["test"]);
  for (const char* part : {"markdown", "tables", "charts"}) result[part] = found[part];
  result["study_seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// A cell's run is one process's: the processes of a launcher have cells of their own.
plan::ComputeOptions alone(plan::ComputeOptions compute) {
  compute.ranks = {};
  return compute;
}

/// Trains a cell, or goes on with it where an earlier call was interrupted.
Json train_cell(const TableCell& cell, const fs::path& folder, const std::string& hash,
                const plan::TableTask& task, Progress& progress, Stop stop) {
  const auto run = folder / "run", mark = folder / "run.json";
  const bool resume = fs::exists(run / "last") && marked(mark, hash);
  if (!resume) fs::remove_all(run);
  write_atomically(mark, dump_json(Json{{"fingerprint", hash}}, 2) + "\n");
  return train({.compute = alone(task.compute),
                .config = cell.config,
                .name = cell.name,
                .out = run,
                .resume = resume},
               progress, stop);
}

/// Puts the charts that a cell drew into its folder and their names in their place.
void write_charts(Json& result, const fs::path& folder) {
  if (!result.contains("files")) return;
  result["charts"] = Json::array();
  for (const auto& [name, text] : result["files"].items()) {
    write_atomically(folder / name, text.get<std::string>());
    result["charts"].push_back(name);
  }
  result.erase("files");
}

Json evaluate_cell(const runtime::Evaluation& evaluation, const fs::path& folder,
                   const plan::ComputeOptions& options, Progress& progress, Stop stop) {
  const auto compute = runtime::select_compute(options.device, options.dtype, options.quantize);
  runtime::set_threads(options.threads);
  const auto start = std::chrono::steady_clock::now();
  auto result = evaluation.run(compute, progress, stop);
  write_charts(result, folder);
  result["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

Json run_cell(const TableCell& cell, const fs::path& folder, const plan::TableTask& task, Progress& progress,
              Stop stop) {
  const auto identity = identity_of(cell, task.compute);
  const auto hash = cell.study.is_null() ? fingerprint(identity)
                                         : fingerprint({{"training", identity}, {"study", cell.study}});
  const auto file = folder / "result.json";
  if (auto done = marked(file, hash)) return *done;
  auto result = cell.evaluation ? evaluate_cell(*cell.evaluation, folder, task.compute, progress, stop)
                                : train_cell(cell, folder, fingerprint(identity), task, progress, stop);
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
    if (cells[i].evaluation)
      results[i]["test"].update(
          runtime::metrics_json(cells[i].evaluation->savings(results[i]["test"], beside["test"])));
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

/// Why a cell has no result; empty when it has one.
std::string note_of(const Json& result) {
  if (result.contains("skipped")) return absence_of(result["skipped"].get<std::string>());
  return result.contains("error") ? "failed: " + result["error"].get<std::string>() : "";
}

/// Rows of one metric each: published, measured, difference, where the published number is from. A cell
/// without a result has a note instead.
Table results_table(const std::vector<TableCell>& cells, const std::vector<Json>& results) {
  Table table({"cell",
               "metric",
               {"published", 3},
               {"measured", 3},
               {"difference", 3},
               {"seconds", 0},
               "note",
               "source"});
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::map<std::string, double> published(cells[i].published.begin(), cells[i].published.end());
    auto metrics = metrics_of(cells[i], results[i]);
    if (metrics.empty()) metrics.emplace_back();  // a row for the note
    for (const auto& metric : metrics) {
      const auto paper = published.find(metric);
      std::vector<Cell> row(table.columns().size());
      row[0] = cells[i].name;
      row[1] = metric;
      if (paper != published.end()) {
        row[2] = paper->second;
        row[7] = cells[i].source;
      }
      row[6] = note_of(results[i]);
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

/// The suite's remarks about its numbers, below the table.
std::string source_line(const Json& result) {
  const auto source = result.value("source", "");
  return source.empty() ? "" : fmt::format("\n{}\n", source);
}

/// The cells' costs against their errors where the suite asks for them: into the report, the folder, and the
/// document the names of those that no other beats.
void add_pareto(const ParetoOptions& options, const plan::TableTask& task,
                const std::vector<TableCell>& cells, const std::vector<Json>& results, Json& document,
                Report& report) {
  std::vector<ParetoPoint> points;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (auto point = pareto_point(cells[i].name, results[i], options)) points.push_back(std::move(*point));
  }
  document["front"] = Json::array();
  for (const auto& point : pareto_front(points)) document["front"].push_back(point.cell);
  const auto chart = to_svg(pareto_chart(std::move(points), options));
  report.sections.push_back({options.error + " against " + options.cost, {ReportSvg{chart}}});
  if (task.out.empty()) return;
  make_folder(task.out);
  write_atomically(task.out / "pareto.svg", chart);
}

/// A cell's result, {"skipped": file} where it lacks one, or {"error", "exit_code"}: one that fails leaves
/// the others their results.
Json result_of(const TableCell& cell, const plan::TableTask& task, Progress& progress, Stop stop) {
  try {
    if (const auto absent = first_missing(cell.inputs()); !absent.empty()) {
      progress.warn(fmt::format("{}: skipped, {}", cell.name, absence_of(absent)));
      return {{"skipped", absent}};
    }
    progress.note(cell.name);
    const auto folder = folder_of(cell, task);
    make_folder(folder);
    return run_cell(cell, folder, task, progress, stop);
  } catch (const Interrupted&) {
    fail<Interrupted>("{}: interrupted, finished cells are saved (run the same command to continue)",
                      cell.name);
  } catch (const std::exception&) {
    const auto failure = current_failure();
    progress.end();
    progress.warn(fmt::format("{}: failed, {}", cell.name, failure.text));
    return {{"error", failure.text}, {"exit_code", static_cast<int>(failure.code)}};
  }
}

/// What the table leaves for people and programs, beside the rows.
Json document_of(const std::vector<TableCell>& cells, const std::vector<Json>& results,
                 const plan::TableTask& task, const Table& rows) {
  Json result{{"title", task.suite.has("title") ? task.suite.text("title") : task.suite.name()}};
  if (task.suite.has("source")) result["source"] = task.suite.text("source");
  result["cells"] = cells.size();
  result["skipped"] = Json::array();
  result["errors"] = Json::array();
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (results[i].contains("skipped"))
      result["skipped"].push_back({{"cell", cells[i].name}, {"missing", results[i]["skipped"]}});
    if (!results[i].contains("error")) continue;
    Json error{{"cell", cells[i].name}};
    error.update(results[i]);
    result["errors"].push_back(error);
  }
  result["failed"] = result["errors"].size();
  result["rows"] = to_json(rows);
  result["markdown"] = to_markdown(rows) + source_line(result) + study_tables(cells, results);
  return result;
}

/// A part of the cells: their results are kept, and the table is made of all when the whole is asked for.
Json table_part(const plan::TableTask& task, const std::vector<TableCell>& all, Progress& progress,
                Stop stop) {
  const auto count = static_cast<int64_t>(all.size());
  const auto first = all.begin() + task.share.first(count);
  const std::vector<TableCell> cells(first, first + task.share.size(count));
  std::vector<Json> results;
  for (const auto& cell : cells) results.push_back(result_of(cell, task, progress, stop));
  return document_of(cells, results, task, results_table(cells, results));
}

}  // namespace

Json table(const plan::TableTask& task, Progress& progress, Stop stop) {
  const auto cells = read_table_cells(task);
  std::optional<ParetoOptions> pareto;
  if (task.suite.has("pareto")) pareto = task.suite.at("pareto").as<ParetoOptions>();
  if (task.dry_run) {
    Json names = Json::array();
    for (const auto& cell : cells) names.push_back(cell.name);
    return {{"plan", {{"cells", names}, {"out", task.out.string()}}}};
  }
  if (!task.share.is_all()) return table_part(task, cells, progress, stop);
  std::vector<Json> results;
  for (const auto& cell : cells) results.push_back(result_of(cell, task, progress, stop));
  add_savings(cells, results);
  const auto rows = results_table(cells, results);
  auto result = document_of(cells, results, task, rows);
  Report report;
  if (pareto) add_pareto(*pareto, task, cells, results, result, report);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (results[i].contains("charts"))
      report.sections.push_back(study_section(cells[i].name, results[i], folder_of(cells[i], task)));
  }
  write_suite_results(task.out, result, rows, std::move(report));
  return result;
}

}  // namespace arzoo::tasks
