#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/report.h"

namespace arzoo::tasks {

/// Whether --only chooses a cell: its name contains one of these texts, or there is none.
bool is_wanted(const std::vector<std::string>& only, const std::string& cell);
/// Throws UsageError: --only has left no cell of the suite.
[[noreturn]] void fail_unwanted(const Config& suite, const std::vector<std::string>& only);

/// What a cell's study found, of its result's "charts", files in the folder, and "tables". Throws DataError
/// when a chart is gone.
ReportSection study_section(const std::string& heading, const Json& result,
                            const std::filesystem::path& folder);

/// Writes what a suite gave into the folder: table.md (result's "markdown"), table.csv, table.json and
/// report.html, titled with result's "title"; report: what it says besides the table, its subtitle being
/// result's "source" when it has none. An empty folder: nothing. Throws as AtomicFile does when a file cannot
/// be written.
void write_suite_results(const std::filesystem::path& folder, const Json& result, const Table& table,
                         Report report = {});

}  // namespace arzoo::tasks
