#pragma once

#include "core/config.h"
#include "core/run_dir.h"
#include "runtime/experiment.h"
#include "tasks/page_budget.h"

namespace arzoo::tasks {

/// Writes report.html into the run directory: the curves of metrics.jsonl, the result, a sample of what the
/// model makes, the config. `result`: as train() returns it.
void write_run_report(const RunDir& run, const Json& config, const Json& result,
                      runtime::Experiment& experiment);

/// The curves of a metrics.jsonl file; lines that are none are passed over. What is made for the page is
/// charged to `page`. Throws DataError when the curves are too many or too long for the file or for the page.
ReportSection curves_section(const std::filesystem::path& metrics, PageBudget& page);

}  // namespace arzoo::tasks
