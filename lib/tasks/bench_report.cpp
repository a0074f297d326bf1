#include <algorithm>
#include <set>

#include "core/atomic_file.h"
#include "core/metrics_log.h"
#include "tasks/run_report.h"
#include "tasks/suite_results.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;

/// Whether something of this name is there; a link that leads nowhere or in a circle is something that cannot
/// be read, which reading it says.
bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error) || error;
}

bool is_run(const fs::path& folder) {
  return is_there(folder / "config.json") && is_there(folder / "metrics.jsonl");
}

/// What a report is made of, in the order of their paths.
struct Found {
  std::set<fs::path> runs, tables;  ///< run directories; folders with a table.json
};

void warn_left_out(Progress& progress, std::string_view what) {
  progress.warn(fmt::format("left out: {}", what));
}

void look_into(const fs::path& folder, Found& found, Progress& progress) {
  if (is_run(folder)) found.runs.insert(folder);
  if (is_there(folder / "table.json")) found.tables.insert(folder);
  std::error_code failure;
  for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    std::error_code none;
    // A link could lead anywhere, back to where it came from as well.
    if (entry->is_directory(none) && !entry->is_symlink(none)) look_into(entry->path(), found, progress);
  }
  if (failure)
    warn_left_out(progress, fmt::format("{}: cannot be listed: {}", folder.string(), failure.message()));
}

/// The last value of each metric, and the log's bad lines.
std::pair<Table, BadLines> last_values(const fs::path& metrics) {
  Json last = Json::object();
  const auto bad = read_metrics(metrics, [&](const Json& line) { last.update(line); });
  Table table({"metric", "last value"});
  for (const auto& [name, value] : last.items())
    if (value.is_number()) table.add({name, value.get<double>()});
  return {std::move(table), bad};
}

ReportSection run_section(const fs::path& run, Progress& progress) {
  const auto config = Config::load(run / "config.json");
  const auto metrics = run / "metrics.jsonl";
  auto section = curves_section(metrics);
  const auto model = config.section("model");
  section.heading = fmt::format("{}: {}", run.string(), model.has("name") ? model.text("name") : "a run");
  auto [table, bad] = last_values(metrics);
  section.content.emplace_back(std::move(table));
  if (bad.count > 0) {
    warn_left_out(progress, fmt::format("{}:{}: is no line of a training log{}", metrics.string(), bad.first,
                                        bad.count > 1 ? fmt::format(", and {} more", bad.count - 1) : ""));
  }
  return section;
}

ReportSection table_section(const fs::path& folder, Progress&) {
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
    look_into(folder, found, progress);
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
      page.sections.push_back(section_of(folder, progress));
    } catch (const Error& error) {
      warn_left_out(progress, error.what());
    }
  };
  for (const auto& folder : found.tables) add(folder, table_section);
  for (const auto& run : found.runs) add(run, run_section);
  write_atomically(task.output, to_html(page));
  return {{"output", task.output.string()}, {"runs", found.runs.size()}, {"tables", found.tables.size()}};
}

}  // namespace arzoo::tasks
