#include <CLI/CLI.hpp>
#include <filesystem>

#include "commands.h"
#include "help_format.h"
#include "path_checks.h"
#include "result_summary.h"
#include "task_run.h"
#include "value_checks.h"

namespace arzoo::cli {

void add_score_command(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand(
      "score",
      "Measure how well a model predicts: of texts nats per token, perplexity and bits per byte, of pictures "
      "bits per dimension.");
  command->formatter(std::make_shared<HelpFormat>("--model MODEL --input PATH"));
  auto task = std::make_shared<plan::ScoreTask>();
  command
      ->add_option(
          "--model", task->model,
          "run directory, model folder, or published folder, as for arzoo generate-text; or of a model "
          "with a likelihood of pixels (axial)")
      ->type_name("MODEL")
      ->required();
  command
      ->add_option("--input", task->inputs,
                   "text file, gzipped or not; or a picture, an IDX file of pictures, a folder of pictures; "
                   "repeatable")
      ->type_name("PATH")
      ->required()
      ->allow_extra_args(false);
  command
      ->add_option(
          "--context", task->context,
          "tokens that a window reads; those that the model was trained on by default, or 512 where its "
          "folder does not say")
      ->type_name("N")
      ->check(whole_number(2, kLargestCount));
  command
      ->add_option(
          "--stride", task->stride,
          "tokens from one window to the next; smaller gives every token more of the text before it, "
          "and takes longer; --context by default")
      ->type_name("N")
      ->check(whole_number(1, kLargestCount));
  command->add_option("--batch-size", task->batch_size, "windows or pictures at once, 8 by default")
      ->type_name("N")
      ->check(whole_number(1, kLargestCount));
  add_shared_options(*command, invocation);
  add_inference_options(*command, invocation);
  command->footer(
      "example:\n  arzoo score --model data/bible --input data/bible/genesis_exodus.txt --stride 64");
  on_chosen(*command, invocation, [task, &invocation] {
    task->compute = invocation.compute;
    task->dry_run = invocation.dry_run;
    require_checkpoint(task->model, "score: --model");
    for (const auto& input : task->inputs) {
      // Which of the two a folder may be is the model's to say.
      if (!std::filesystem::is_directory(input)) require_input_file(input, "score: --input");
    }
    return run_task(invocation, &plan::TaskTable::score, *task, task->dry_run ? plan_summary : score_summary);
  });
}

}  // namespace arzoo::cli
