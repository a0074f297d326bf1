#include <CLI/CLI.hpp>

#include "commands.h"
#include "core/error.h"
#include "help_format.h"
#include "path_checks.h"
#include "result_summary.h"
#include "task_run.h"
#include "value_checks.h"

namespace arzoo::cli {
namespace {

bool is_vectors_name(const fs::path& path) {
  const auto name = path.extension() == ".gz" ? path.stem() : path;
  return path == "-" || path.extension() == ".npy" || name.extension() == ".jsonl";
}

void check(const plan::EmbedTextTask& task) {
  require_checkpoint(task.model, "embed-text: --model");
  require_input_file(task.input, "embed-text: --input");
  if (!is_vectors_name(task.output)) {
    fail<UsageError>("embed-text: --output: {}: expected a name that ends in .npy, .jsonl or .jsonl.gz",
                     task.output.string());
  }
  if (task.output != "-") require_output_file(task.output, {task.input}, "embed-text: --output");
}

}  // namespace

void add_embed_text_command(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand("embed-text", "Make a vector of each line of a text with an encoder.");
  command->formatter(std::make_shared<HelpFormat>("--model MODEL --input PATH --output PATH"));
  auto task = std::make_shared<plan::EmbedTextTask>();
  command
      ->add_option("--model", task->model,
                   "run directory or model folder of a trained bert, or a published BERT folder")
      ->type_name("MODEL")
      ->required();
  command->add_option("--input", task->input, "one text a line; may be gzipped")
      ->type_name("PATH")
      ->required();
  command
      ->add_option(
          "--output", task->output,
          "NAME.npy, an array of one row per text; or NAME.jsonl, a line with text and vector for each; - "
          "for such lines on standard output")
      ->type_name("PATH")
      ->required();
  command
      ->add_option(
          "--pool", task->pool,
          "what the vector is: mean of all tokens, cls, the first token's, or pooler, the first token's "
          "through the model's pooler")
      ->type_name("mean|cls|pooler")
      ->check(choice({"mean", "cls", "pooler"}));
  command->add_flag("--normalize", task->normalize, "vectors of length 1");
  add_shared_options(*command, invocation);
  add_inference_options(*command, invocation);
  command->footer(
      "example:\n  arzoo embed-text --model bert-base-uncased --input lines.txt --output vectors.npy");
  on_chosen(*command, invocation, [task, &invocation] {
    task->compute = invocation.compute;
    task->dry_run = invocation.dry_run;
    check(*task);
    return run_task(invocation, &plan::TaskTable::embed_text, *task,
                    task->dry_run ? plan_summary : embed_text_summary);
  });
}

}  // namespace arzoo::cli
