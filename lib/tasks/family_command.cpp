#include "runtime/family_command.h"

#include "registry/registry.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {

Json run_family_command(std::type_index type, const void* task, const std::filesystem::path& model,
                        Progress& progress, Stop stop) {
  return registry::command_of(type, model).run(task, {progress, stop, &train});
}

}  // namespace arzoo::tasks
