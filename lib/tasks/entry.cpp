// The border of libarzoo: one table of functions that the launcher looks up, and through which no exception
// leaves.

#include <torch/version.h>

#include <algorithm>

#include "runtime/device.h"
#include "tasks/failure.h"
#include "tasks/precision_note.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {
namespace {

using plan::Outcome;

template <class Task>
using Run = Json (*)(const Task&, Progress&, Stop);

/// A task that computes, unless only its plan is asked for.
template <class Task>
concept Plannable = requires(const Task& task) {
  task.compute;
  task.dry_run;
};

/// Whether the task computes with a model: a plan or an initial model's file does not.
template <class Task>
bool computes(const Task& task) {
  if constexpr (requires { task.init_only; }) {
    if (task.init_only) return false;
  }
  return !task.dry_run;
}

template <class Task, Run<Task> kRun>
Outcome guarded(const Task& task, Progress& progress, Stop stop) {
  try {
    if constexpr (Plannable<Task>) {
      if (computes(task)) note_slow_precision(task.compute, progress);
    }
    Outcome outcome;
    outcome.result = kRun(task, progress, stop);
    return outcome;
  } catch (const std::exception&) {
    const auto failure = current_failure();
    return {failure.code, failure.text, {}};
  }
}

/// A failure that a result counts is the command's. The result has under `kind` what there was, a list or how
/// many.
Outcome judged(Outcome outcome, const char* command, const char* kind) {
  const auto& result = outcome.result;
  if (outcome.code != ExitCode::ok || result.value("failed", 0) == 0) return outcome;
  const auto& all = result.at(kind);
  outcome.code = ExitCode::check_failed;
  outcome.error = fmt::format("{}: {} of {} {} failed", command, result.at("failed").get<int64_t>(),
                              all.is_array() ? static_cast<int64_t>(all.size()) : all.get<int64_t>(), kind);
  return outcome;
}

Outcome guarded_parity(const plan::ParityTask& task, Progress& progress, Stop stop) {
  return judged(guarded<plan::ParityTask, parity>(task, progress, stop), "parity", "cases");
}

/// Of cells that all failed for a file that they read, that is the reason.
Outcome guarded_table(const plan::TableTask& task, Progress& progress, Stop stop) {
  auto outcome = judged(guarded<plan::TableTask, table>(task, progress, stop), "table", "cells");
  if (outcome.code != ExitCode::check_failed || !outcome.result.contains("errors")) return outcome;
  const auto& errors = outcome.result.at("errors");
  const auto is_data = [](const Json& error) {
    return error.at("exit_code") == static_cast<int>(ExitCode::data);
  };
  if (std::all_of(errors.begin(), errors.end(), is_data)) outcome.code = ExitCode::data;
  return outcome;
}

Outcome guarded_regress(const plan::RegressTask& task, Progress& progress, Stop stop) {
  return judged(guarded<plan::RegressTask, regress>(task, progress, stop), "regress", "checks");
}

}  // namespace
}  // namespace arzoo::tasks

extern "C" __attribute__((visibility("default"))) const arzoo::plan::TaskTable* arzoo_task_table() {
  using namespace arzoo;
  runtime::keep_freed_memory();
  static const plan::TaskTable table{
      &tasks::guarded<plan::TrainTask, tasks::train>,
      &tasks::guarded<plan::TuneTask, tasks::tune>,
      &tasks::guarded<plan::ForecastTask, tasks::run_family_command>,
      &tasks::guarded<plan::GenerateImageTask, tasks::generate_image>,
      &tasks::guarded<plan::Generate3dTask, tasks::generate_3d>,
      &tasks::guarded<plan::GenerateTextTask, tasks::run_family_command>,
      &tasks::guarded<plan::ScoreTask, tasks::run_family_command>,
      &tasks::guarded<plan::EmbedTextTask, tasks::run_family_command>,
      &tasks::guarded<plan::InspectTask, tasks::inspect>,
      &tasks::guarded<plan::ConvertTask, tasks::convert>,
      &tasks::guarded<plan::ModelsTask, tasks::models>,
      &tasks::guarded_parity,
      &tasks::guarded_table,
      &tasks::guarded<plan::SpeedTask, tasks::speed>,
      &tasks::guarded_regress,
      &tasks::guarded<plan::ReportTask, tasks::report>,
  };
  return &table;
}
