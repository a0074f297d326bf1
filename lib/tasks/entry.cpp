// The border of libarzoo: one table of functions that the launcher looks up, and through which no exception
// leaves.

#include <torch/version.h>

#include <algorithm>

#include "plan/transcribe_task.h"
#include "runtime/device.h"
#include "tasks/failure.h"
#include "tasks/precision_choice.h"
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

/// The model that a task computes with, as far as a precision may be chosen for it. What is made for other
/// machines, the plan of several processes and an initial model, takes no choice of this one.
template <class Task>
PrecisionSubject subject_of(const Task& task) {
  if constexpr (std::is_same_v<Task, plan::TrainTask>) {
    if (task.init_only || task.world_size) return {"", true};
    return {Config(task.config, task.name).at("model").text("name"), true};
  } else if constexpr (std::is_same_v<Task, plan::TuneTask>) {
    return {task.config.at("model").text("name"), true};
  } else if constexpr (requires { task.source.main(); }) {
    return {model_named_in(task.source.main())};
  } else if constexpr (requires { task.model; }) {
    return {model_named_in(task.model)};
  } else {
    return {"", true};
  }
}

/// The task with a precision in place of "auto".
template <class Task>
Task settled(Task task, Progress& progress) {
  if constexpr (requires { task.suite; }) {
    fail<UsageError>(
        "bench: --dtype {}: the cells of a suite are compared in one precision (fp32, bf16, fp16)",
        task.compute.dtype);
  }
  settle_precision(task.compute, subject_of(task), progress);
  return task;
}

template <class Task, Run<Task> kRun>
Outcome guarded(const Task& task, Progress& progress, Stop stop) {
  try {
    Outcome outcome;
    if constexpr (Plannable<Task>) {
      if (is_automatic(task.compute)) {
        outcome.result = kRun(settled(task, progress), progress, stop);
        return outcome;
      }
      if (computes(task)) note_slow_precision(task.compute, progress);
    }
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
      &tasks::guarded<plan::LinksTask, tasks::run_family_command>,
      &tasks::guarded<plan::EncodeTask, tasks::run_family_command>,
      &tasks::guarded<plan::DecodeTask, tasks::run_family_command>,
      &tasks::guarded<plan::InspectTask, tasks::inspect>,
      &tasks::guarded<plan::ConvertTask, tasks::convert>,
      &tasks::guarded<plan::ModelsTask, tasks::models>,
      &tasks::guarded_parity,
      &tasks::guarded_table,
      &tasks::guarded<plan::SpeedTask, tasks::speed>,
      &tasks::guarded_regress,
      &tasks::guarded<plan::ReportTask, tasks::report>,
      &tasks::guarded<plan::TranscribeTask, tasks::run_family_command>,
  };
  return &table;
}
