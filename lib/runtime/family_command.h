#pragma once

#include <string_view>
#include <typeindex>

#include "core/json_fwd.h"
#include "core/progress.h"
#include "core/stop.h"

namespace arzoo::plan {
struct TrainTask;
}

namespace arzoo::runtime {

/// What a family's command is given besides its task.
struct CommandContext {
  Progress& progress;
  Stop stop;
  /// `arzoo train`, for commands that train models on the way; stops when `stop` is set. As tasks::train.
  Json (*train)(const plan::TrainTask& task, Progress& progress, Stop stop);
};

/// A command that one family alone serves, told by its task, a struct of plan/tasks.h.
struct FamilyCommand {
  std::type_index task;
  /// task: points to a struct of that type. Returns what the command prints; throws the errors of
  /// core/error.h.
  Json (*run)(const void* task, const CommandContext& context);
};

/// The command that `kRun` carries out.
template <class Task, Json (*kRun)(const Task& task, const CommandContext& context)>
FamilyCommand family_command() {
  return {typeid(Task), [](const void* task, const CommandContext& context) {
            return kRun(*static_cast<const Task*>(task), context);
          }};
}

}  // namespace arzoo::runtime
