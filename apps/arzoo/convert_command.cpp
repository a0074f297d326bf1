#include <CLI/CLI.hpp>

#include "commands.h"
#include "path_checks.h"
#include "result_summary.h"
#include "task_run.h"

namespace arzoo::cli {
namespace {

void check(const plan::ConvertTask& task) {
  require_checkpoint(task.input, "convert");
  if (task.output.extension() != ".safetensors") {
    fail<UsageError>("convert: {}: expected a name that ends in .safetensors", task.output.string());
  }
  require_output_file(task.output, {task.input}, "convert");
}

/// What would be written, from the names in the input alone.
ExitCode show_plan(const Invocation& invocation, const plan::ConvertTask& task) {
  const auto content = result_of(invocation, &plan::TaskTable::inspect, plan::InspectTask{task.input});
  const Json plan{{"input", task.input.string()},
                  {"output", task.output.string()},
                  {"tensors", content.value("tensors", Json::array()).size()},
                  {"bytes", content.value("bytes", int64_t{0})}};
  print_result(invocation, {{"plan", plan}}, plan_summary);
  return ExitCode::ok;
}

}  // namespace

void add_convert_command(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand(
      "convert", "Rewrite a checkpoint as one safetensors file. Nothing in it is executed.");
  auto task = std::make_shared<plan::ConvertTask>();
  command->add_option("IN", task->input, ".pth, .pt, .bin (tensors only), or safetensors, sharded or not")
      ->type_name("PATH")
      ->required();
  command->add_option("OUT.safetensors", task->output, "file to write")
      ->type_name("FILE.safetensors")
      ->required();
  add_shared_options(*command, invocation);
  command->footer("example:\n  arzoo convert checkpoint.pth model.safetensors");
  on_chosen(*command, invocation, [task, &invocation] {
    check(*task);
    if (invocation.dry_run) return show_plan(invocation, *task);
    return run_task(invocation, &plan::TaskTable::convert, *task, convert_summary);
  });
}

}  // namespace arzoo::cli
