#include <CLI/CLI.hpp>

#include "commands.h"
#include "help_format.h"
#include "io/picture_file.h"
#include "path_checks.h"
#include "result_summary.h"
#include "task_run.h"
#include "value_checks.h"

namespace arzoo::cli {
namespace {

void add_prompt_options(CLI::App& command, plan::GenerateTextTask& task) {
  auto* prompt = command.add_option("--prompt", task.prompts, "text to continue; repeatable")
                     ->type_name("TEXT")
                     ->allow_extra_args(false);
  command
      .add_option(
          "--file", task.file,
          "file of prompts, one a line; without --prompt and --file the lines of stdin are the prompts")
      ->type_name("PATH")
      ->excludes(prompt);
  command.add_option("--count", task.count, "texts of each prompt, 1 by default")
      ->type_name("N")
      ->check(whole_number(1, plan::kMostPictures));
  command
      .add_option("--batch-size", task.batch_size,
                  "texts generated together, 8 by default; they do not depend on it")
      ->type_name("N")
      ->check(whole_number(1, kLargestCount));
}

void add_sampling_options(CLI::App& command, plan::GenerateTextTask& task) {
  command.add_option("--max-tokens", task.max_tokens, "tokens of a text besides its prompt, 200 by default")
      ->type_name("N")
      ->check(whole_number(1, kLargestCount));
  command
      .add_option(
          "--temperature", task.temperature,
          "divides the logits, 1 by default; lower is more deterministic, 0 takes the most likely token")
      ->type_name("T")
      ->check(real_number(0, 100));
  command.add_option("--top-k", task.top_k, "sample from the K most likely tokens; all by default")
      ->type_name("K")
      ->check(whole_number(0, kLargestCount));
  command
      .add_option("--top-p", task.top_p,
                  "sample from the most likely tokens that together have this probability; 1 by default")
      ->type_name("P")
      ->check(real_number(0, 1));
  command
      .add_option(
          "--repetition-penalty", task.repetition_penalty,
          "divides the positive logits of tokens that the text has, and multiplies the negative ones; 1 "
          "by default")
      ->type_name("X")
      ->check(real_number(0.01, 100));
  command.add_option("--stop", task.stops, "end a text before this; repeatable")
      ->type_name("TEXT")
      ->allow_extra_args(false);
}

void add_draft_options(CLI::App& command, plan::GenerateTextTask& task) {
  auto* drafter =
      command
          .add_option(
              "--drafter", task.drafter,
              "a smaller model with the same tokenizer that drafts tokens, which the model verifies in "
              "one pass; the texts' distribution stays the model's (speculative decoding)")
          ->type_name("MODEL");
  command.add_option("--drafts", task.drafts, "tokens that it drafts for a pass, 4 by default")
      ->type_name("N")
      ->needs(drafter)
      ->check(whole_number(1, 1024));
}

void check_image(const fs::path& image) {
  constexpr const char* kOption = "generate-text: --image";
  std::error_code ignored;
  if (fs::is_directory(image, ignored)) return;
  require_input_file(image, kOption);
  if (!io::is_picture_name(image))
    fail<UsageError>("{}: {}: expected a PNG or JPEG file, or a folder of them", kOption, image.string());
}

void check(const plan::GenerateTextTask& task, const Invocation& invocation) {
  require_checkpoint(task.model, "generate-text: --model");
  if (task.drafter) require_checkpoint(*task.drafter, "generate-text: --drafter");
  if (task.file) require_input_file(*task.file, "generate-text: --file");
  if (task.image) check_image(*task.image);
  if (task.output) require_output_file(*task.output, {}, "generate-text: --output");
  for (const auto& stop : task.stops) {
    if (stop.empty()) fail<UsageError>("generate-text: --stop is empty, expected a text");
  }
  if (task.stream && invocation.json)
    fail<UsageError>("generate-text: --stream prints texts as they come, which --json cannot (use --output)");
}

}  // namespace

void add_generate_text_command(CLI::App& root, Invocation& invocation) {
  auto* command =
      root.add_subcommand("generate-text", "Continue texts with a trained or published language model.");
  command->formatter(std::make_shared<HelpFormat>("--model MODEL --prompt TEXT"));
  auto task = std::make_shared<plan::GenerateTextTask>();
  command
      ->add_option(
          "--model", task->model,
          "run directory, model folder, or a published folder (config.json with model_type gpt2, llama, "
          "qwen2 or gpt_neox, safetensors and a tokenizer)")
      ->type_name("MODEL")
      ->required();
  add_prompt_options(*command, *task);
  command
      ->add_option("--image", task->image,
                   "mmar: the picture to describe, or a folder of pictures; --prompt then names captions to "
                   "choose from")
      ->type_name("PICTURE")
      ->excludes(command->get_option("--file"));
  add_sampling_options(*command, *task);
  add_draft_options(*command, *task);
  command
      ->add_option("--output", task->output,
                   "file of one JSON object a text: prompt, text, ids, stop, tokens_per_second")
      ->type_name("PATH");
  command->add_flag("--stream", task->stream, "print each text as its tokens come, one after the other");
  add_shared_options(*command, invocation);
  add_inference_options(*command, invocation);
  command->footer(
      "example:\n  arzoo generate-text --model data/bible --prompt \"In the beginning\" --temperature 0.7");
  on_chosen(*command, invocation, [task, &invocation] {
    task->compute = invocation.compute;
    task->dry_run = invocation.dry_run;
    check(*task, invocation);
    return run_task(invocation, &plan::TaskTable::generate_text, *task,
                    task->dry_run ? plan_summary : generate_text_summary);
  });
}

}  // namespace arzoo::cli
