#include <CLI/CLI.hpp>
#include <utility>

#include "commands.h"
#include "path_checks.h"
#include "result_summary.h"
#include "task_run.h"
#include "value_checks.h"

namespace arzoo::cli {
namespace {

void check(const plan::ConvertTask& task) {
  require_checkpoint(task.input, "convert");
  if (task.dtype == "auto") fail<UsageError>("convert: --dtype auto: expected fp32, bf16 or fp16");
  if (!task.factorize.empty() && !task.dtype.empty())
    fail<UsageError>("convert: --dtype is not for --factorize, whose factors are fp32");
  if (!task.quantize.empty() && !task.dtype.empty())
    fail<UsageError>("convert: --dtype is not for --quantize, which leaves the other weights as they are");
  if (!task.factorize.empty() || !task.quantize.empty()) return require_output_folder(task.output, "convert");
  if (task.output.extension() != ".safetensors") {
    fail<UsageError>("convert: {}: expected a name that ends in .safetensors", task.output.string());
  }
  require_output_file(task.output, {task.input}, "convert");
}

}  // namespace

void add_convert_command(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand(
      "convert", "Rewrite a checkpoint as one safetensors file. Nothing in it is executed.");
  auto task = std::make_shared<plan::ConvertTask>();
  command
      ->add_option("IN", task->input,
                   "run directory, .pth, .pt, .bin (tensors only), or safetensors, sharded or not")
      ->type_name("PATH")
      ->required();
  command
      ->add_option("OUT.safetensors", task->output, "file to write; with --factorize and --quantize a folder")
      ->type_name("FILE.safetensors")
      ->required();
  add_state_dict_option(*command, task->state_dict);
  command
      ->add_option("--factorize", task->factorize,
                   "write a language model by factors of its maps (DSFormer), ready to be fine-tuned: "
                   "dense_sparse, or "
                   "low_rank with as many numbers")
      ->type_name("dense_sparse|low_rank")
      ->check(choice({"dense_sparse", "low_rank"}));
  command->add_option("--ratio", task->ratio, "with --factorize: a map's numbers by those of its factors")
      ->type_name("R")
      ->check(real_number(1.05, 100.0))
      ->needs("--factorize");
  command
      ->add_option(
          "--quantize", task->quantize,
          "write a language model with its linear maps in 8 or 4 bits, which is opened as it lies in "
          "the file")
      ->type_name("int8|int4")
      ->check(choice({"int8", "int4"}))
      ->excludes("--factorize");
  add_shared_options(*command, invocation);
  auto* dtype = command->get_option("--dtype")
                    ->description("write floating-point tensors in this type; each keeps its own by default")
                    ->type_name("fp32|bf16|fp16");
  command->footer(
      "example:\n  arzoo convert checkpoint.pth model.safetensors\n"
      "  arzoo convert runs/mine small.safetensors --dtype bf16\n"
      "  arzoo convert gpt2/ gpt2_ds/ --factorize dense_sparse --ratio 2.8\n"
      "  arzoo convert qwen2/ qwen2_int4/ --quantize int4");
  on_chosen(*command, invocation, [task, dtype, &invocation] {
    if (dtype->count() > 0) task->dtype = std::exchange(invocation.compute.dtype, "fp32");
    check(*task);
    task->dry_run = invocation.dry_run;
    task->threads = invocation.compute.threads;
    return run_task(invocation, &plan::TaskTable::convert, *task,
                    task->dry_run ? plan_summary : convert_summary);
  });
}

}  // namespace arzoo::cli
