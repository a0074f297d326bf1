#include "tasks/suite_results.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/atomic_file.h"
#include "core/output_folder.h"
#include "core/text_file.h"

namespace arzoo::tasks {

namespace fs = std::filesystem;

bool is_wanted(const std::vector<std::string>& only, const std::string& cell) {
  const auto matches = [&](const std::string& text) { return cell.find(text) != std::string::npos; };
  return only.empty() || std::any_of(only.begin(), only.end(), matches);
}

void fail_unwanted(const Config& suite, const std::vector<std::string>& only) {
  fail<UsageError>("{}: no cell's name contains \"{}\"", suite.name(), fmt::join(only, "\" or \""));
}

ReportSection study_section(const std::string& heading, const Json& result, const fs::path& folder) {
  ReportSection section{heading};
  for (const auto& chart : result["charts"]) {
    const auto name = chart.get<std::string>();
    section.content.emplace_back(
        ReportSvgFile{read_text_file(folder / name), fs::path(name).stem().string()});
  }
  for (const auto& table : result["tables"]) section.content.emplace_back(table_from_json(table["rows"]));
  return section;
}

void write_suite_results(const fs::path& folder, const Json& result, const Table& table, Report report) {
  if (folder.empty()) return;
  make_folder(folder);
  report.title = result["title"].get<std::string>();
  if (report.subtitle.empty()) report.subtitle = result.value("source", "");
  report.sections.insert(report.sections.begin(), {"Results", {table}});
  write_atomically(folder / "table.md", result["markdown"].get<std::string>());
  write_atomically(folder / "table.csv", to_csv(table));
  write_atomically(folder / "table.json", dump_json(result, 2) + "\n");
  write_atomically(folder / "report.html", to_html(report));
}

}  // namespace arzoo::tasks
