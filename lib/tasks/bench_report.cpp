#include <algorithm>
#include <fstream>
#include <set>

#include "core/atomic_file.h"
#include "tasks/run_report.h"
#include "tasks/suite_results.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;

bool is_run(const fs::path& folder) {
  return fs::exists(folder / "config.json") && fs::exists(folder / "metrics.jsonl");
}

/// What a report is made of, in the order of their paths.
struct Found {
  std::set<fs::path> runs, tables;  ///< run directories; folders with a table.json
};

void look_into(const fs::path& folder, Found& found) {
  if (is_run(folder)) found.runs.insert(folder);
  if (fs::exists(folder / "table.json")) found.tables.insert(folder);
  for (const auto& entry : fs::directory_iterator(folder)) {
    // A link could lead anywhere, back to where it came from as well.
    if (entry.is_directory() && !entry.is_symlink()) look_into(entry.path(), found);
  }
}

/// The last line of each metric's name.
Table last_values(const fs::path& metrics) {
  Json last = Json::object();
  std::ifstream in(metrics);
  for (std::string line; std::getline(in, line);) {
    const auto object = Json::parse(line, nullptr, false);
    if (object.is_object()) last.update(object);
  }
  Table table({"metric", "last value"});
  for (const auto& [name, value] : last.items())
    if (value.is_number()) table.add({name, value.get<double>()});
  return table;
}

ReportSection run_section(const fs::path& run) {
  const auto config = Config::load(run / "config.json");
  auto section = curves_section(run / "metrics.jsonl");
  const auto model = config.section("model");
  section.heading = fmt::format("{}: {}", run.string(), model.has("name") ? model.text("name") : "a run");
  section.content.emplace_back(last_values(run / "metrics.jsonl"));
  return section;
}

ReportSection table_section(const fs::path& folder) {
  const auto result = Config::load(folder / "table.json");
  ReportSection section{result.has("title") ? result.text("title") : folder.string()};
  section.content.emplace_back(ReportText{result.has("source") ? result.text("source") : folder.string()});
  if (result.has("rows")) section.content.emplace_back(table_from_json(result.json()["rows"]));
  return section;
}

}  // namespace

Json report(const plan::ReportTask& task, Progress& progress, Stop) {
  Found found;
  for (const auto& folder : task.folders) {
    if (!fs::is_directory(folder)) fail<UsageError>("{}: no such folder", folder.string());
    look_into(folder, found);
  }
  if (found.runs.empty() && found.tables.empty()) {
    fail<UsageError>("{}: neither a run directory nor a suite's table.json in or below it",
                     task.folders.front().string());
  }
  Report page;
  page.title = "Runs and tables";
  page.summary = {{"tables", fmt::format("{}", found.tables.size())},
                  {"runs", fmt::format("{}", found.runs.size())}};
  const auto add = [&](const fs::path& folder, const auto& section_of) {
    try {
      page.sections.push_back(section_of(folder));
    } catch (const Error& error) {
      progress.warn(fmt::format("left out: {}", error.what()));
    }
  };
  for (const auto& folder : found.tables) add(folder, table_section);
  for (const auto& run : found.runs) add(run, run_section);
  write_atomically(task.output, to_html(page));
  return {{"output", task.output.string()}, {"runs", found.runs.size()}, {"tables", found.tables.size()}};
}

}  // namespace arzoo::tasks
