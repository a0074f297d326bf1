#pragma once

#include "output.h"

/// Running libarzoo's tasks: with progress on stderr, while SIGINT and SIGTERM ask them to stop.
namespace arzoo::cli {

template <class Task>
using TaskFunction = plan::Outcome (*plan::TaskTable::*)(const Task&, Progress&, plan::TaskTable::Stop);

using TaskCall = std::function<plan::Outcome(const plan::TaskTable&, Progress&, plan::TaskTable::Stop)>;

/// Opens libarzoo and makes the call. Throws SystemFailure when it cannot be opened.
plan::Outcome call_library(const Invocation& invocation, const TaskCall& call);

/// Prints what a task left; a task that failed with a result (a parity check) has it printed all the same.
/// Returns the exit code; throws Error when the task failed and left no result.
ExitCode finish(const Invocation& invocation, plan::Outcome outcome, const Summary& summary);

template <class Task>
plan::Outcome outcome_of(const Invocation& invocation, TaskFunction<Task> function, const Task& task) {
  return call_library(invocation, [&](const auto& table, Progress& progress, plan::TaskTable::Stop stop) {
    return (table.*function)(task, progress, stop);
  });
}

/// The result of a task for a command that prints more than that. Throws Error when it failed.
template <class Task>
Json result_of(const Invocation& invocation, TaskFunction<Task> function, const Task& task) {
  auto outcome = outcome_of(invocation, function, task);
  if (outcome.code != ExitCode::ok) throw Error(outcome.code, outcome.error);
  return std::move(outcome.result);
}

template <class Task>
ExitCode run_task(const Invocation& invocation, TaskFunction<Task> function, const Task& task,
                  const Summary& summary) {
  return finish(invocation, outcome_of(invocation, function, task), summary);
}

}  // namespace arzoo::cli
