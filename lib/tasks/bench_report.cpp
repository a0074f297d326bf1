#include <algorithm>
#include <set>

#include "core/atomic_file.h"
#include "core/display_text.h"
#include "core/json_reader.h"
#include "core/metrics_log.h"
#include "core/text_file.h"
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

/// A cell of a table, and its row's share, as it is read and in the page.
constexpr std::uint64_t kPageCell = 200;

/// The JSON of a file, within less memory than a command has for one: a page is made beside it.
Config report_input(const fs::path& path) {
  JsonLimits limits;
  limits.memory_floor = std::size_t{16} << 20;
  limits.memory_per_byte = 4;
  return {read_json<ConfigError>(read_text_file(path), path.string(), limits), path.string()};
}

/// The text under `key`, as much as a page has room for.
std::string text_in_page(const Config& config, const std::string& key) {
  constexpr std::size_t kColumns = 500;
  return shortened(config.text(key), kColumns);
}

/// The last value of each metric, and the log's bad lines.
std::pair<Table, BadLines> last_values(const fs::path& metrics, PageBudget& page) {
  Json last = Json::object();
  const auto bad = read_metrics(metrics, [&](const Json& line) {
    for (const auto& [name, value] : line.items()) {
      if (!value.is_number()) continue;
      if (!last.contains(name)) {
        page.charge(2 * kPageCell, "its metrics");
        page.charge_text(name.size(), "its metrics");
      }
      last[name] = value;
    }
  });
  Table table({"metric", "last value"});
  for (const auto& [name, value] : last.items()) table.add({name, value.get<double>()});
  return {std::move(table), bad};
}

ReportSection run_section(const fs::path& run, PageBudget& page, Progress& progress) {
  const auto config = report_input(run / "config.json");
  const auto metrics = run / "metrics.jsonl";
  auto section = curves_section(metrics, page);
  const auto model = config.section("model");
  section.heading =
      fmt::format("{}: {}", run.string(), model.has("name") ? text_in_page(model, "name") : "a run");
  auto [table, bad] = last_values(metrics, page);
  section.content.emplace_back(std::move(table));
  if (bad.count > 0) {
    warn_left_out(progress, fmt::format("{}:{}: is no line of a training log{}", metrics.string(), bad.first,
                                        bad.count > 1 ? fmt::format(", and {} more", bad.count - 1) : ""));
  }
  return section;
}

/// The table of a suite's results, charged as it will stand in the page.
Table read_table(const Json& rows, PageBudget& page) {
  constexpr std::string_view kWhat = "its table";
  const auto columns = rows.is_array() && !rows.empty() ? rows.front().size() : 0;
  for (const auto& row : rows) {
    page.charge(kPageCell * (1 + columns), kWhat);
    for (const auto& [name, value] : row.items())
      page.charge_text(name.size() + (value.is_string() ? value.get_ref<const std::string&>().size() : 0),
                       kWhat);
  }
  return table_from_json(rows);
}

ReportSection table_section(const fs::path& folder, PageBudget& page, Progress&) {
  const auto result = report_input(folder / "table.json");
  ReportSection section{result.has("title") ? text_in_page(result, "title") : folder.string()};
  section.content.emplace_back(
      ReportText{result.has("source") ? text_in_page(result, "source") : folder.string()});
  if (result.has("rows")) section.content.emplace_back(read_table(result.json()["rows"], page));
  return section;
}

/// The bytes of the files that the page is about.
std::uint64_t bytes_of(const Found& found) {
  std::uint64_t sum = 0;
  const auto add = [&](const fs::path& file) {
    std::error_code none;
    if (const auto bytes = fs::file_size(file, none); !none) sum += bytes;
  };
  for (const auto& folder : found.tables) add(folder / "table.json");
  for (const auto& run : found.runs) {
    add(run / "config.json");
    add(run / "metrics.jsonl");
  }
  return sum;
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
  constexpr std::uint64_t kFloor = std::uint64_t{32} << 20, kPerByte = 3;
  PageBudget budget(task.folders.front().string(), kFloor, kPerByte, bytes_of(found));
  const auto add = [&](const fs::path& folder, const auto& section_of) {
    try {
      page.sections.push_back(section_of(folder, budget, progress));
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
