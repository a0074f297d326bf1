#include <CLI/CLI.hpp>

#include "commands.h"
#include "path_checks.h"
#include "result_summary.h"
#include "task_run.h"

namespace arzoo::cli {

void add_inspect_command(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand(
      "inspect", "List the tensors of a checkpoint without loading it, or describe a picture or a mesh.");
  auto task = std::make_shared<plan::InspectTask>();
  command
      ->add_option("PATH", task->path,
                   "safetensors, .pth, .pt, .bin, picture (.png, .jpg) or mesh (.obj, .ply, .stl, .off, "
                   ".glb), or a folder with "
                   "weights or with shards")
      ->type_name("PATH")
      ->required();
  add_state_dict_option(*command, task->state_dict);
  add_shared_options(*command, invocation);
  command->footer("example:\n  arzoo inspect runs/weather/model");
  on_chosen(*command, invocation, [task, &invocation] {
    require_checkpoint(task->path, "inspect");
    return run_task(invocation, &plan::TaskTable::inspect, *task, inspect_summary);
  });
}

}  // namespace arzoo::cli
