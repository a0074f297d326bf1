#pragma once

#include "core/config.h"
#include "core/run_dir.h"
#include "runtime/experiment.h"

namespace arzoo::tasks {

/// Writes report.html into the run directory: the curves of metrics.jsonl, the result, a sample of what the
/// model makes, the config. `result`: as train() returns it.
void write_run_report(const RunDir& run, const Json& config, const Json& result,
                      runtime::Experiment& experiment);

/// The curves of a metrics.jsonl file; lines that are none are passed over.
ReportSection curves_section(const std::filesystem::path& metrics);

}  // namespace arzoo::tasks
