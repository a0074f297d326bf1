#include <CLI/CLI.hpp>

#include "commands.h"
#include "path_checks.h"
#include "result_summary.h"
#include "task_run.h"

namespace arzoo::cli {

void add_inspect_command(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand("inspect",
                                      "List the tensors of a checkpoint without loading it, or describe a "
                                      "picture, a mesh, a STEP file or a tokenizer.");
  auto task = std::make_shared<plan::InspectTask>();
  command
      ->add_option("PATH", task->path,
                   "safetensors, .pth, .pt, .bin, picture (.png, .jpg), mesh (.obj, .ply, .stl, .off, "
                   ".glb) or solids (.step, .stp), tokenizer (tokenizer.json, vocab.json, .model), or a "
                   "folder with weights or with shards")
      ->type_name("PATH")
      ->required();
  command
      ->add_option("--text", task->texts,
                   "show what the tokenizer at PATH, a file or a folder, makes of this text; repeatable")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  add_state_dict_option(*command, task->state_dict);
  add_shared_options(*command, invocation);
  command->footer(
      "example:\n  arzoo inspect runs/weather/model\n  arzoo inspect gpt2/tokenizer.json --text \"It's 12\"");
  on_chosen(*command, invocation, [task, &invocation] {
    require_checkpoint(task->path, "inspect");
    return run_task(invocation, &plan::TaskTable::inspect, *task, inspect_summary);
  });
}

}  // namespace arzoo::cli
