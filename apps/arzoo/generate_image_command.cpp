#include <CLI/CLI.hpp>
#include <limits>

#include "commands.h"
#include "generation_options.h"
#include "help_format.h"
#include "io/picture_file.h"
#include "item_options.h"
#include "list_values.h"
#include "path_checks.h"
#include "result_summary.h"
#include "shard_option.h"
#include "task_run.h"
#include "value_checks.h"

namespace arzoo::cli {
namespace {

void add_model_options(CLI::App& command, plan::GenerateImageTask& task) {
  const auto add = [&command](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->type_name("MODEL");
  };
  add("--model", task.source.model,
      "run directory, model folder, or weights file as published (var_d16.pth, FlowAR-S.pth, MAR's "
      "checkpoint-last.pth, c2i_B_256.pt)");
  add("--vae", task.source.vae,
      "its tokenizer, when it does not lie with the model (vae_ch160v4096z32.pth, kl16.ckpt, "
      "vq_ds16_c2i.pt)");
  add_state_dict_option(command, task.source.state_dict);
  add("--drafter", task.source.drafter,
      "collaborative decoding: this model generates the first --draft-steps scales, --model the rest");
  add("--refiner", task.source.refiner, "or the other way round: this one generates the rest");
  command
      .add_option(
          "--captions", task.source.captions,
          "of a llamagen that generates from captions: .npy file of their features, [captions, tokens, "
          "width]; --class takes their numbers")
      ->type_name("FILE");
  command
      .add_option("--text", task.source.texts,
                  "mmar: what to generate, in words of the model; repeatable, --class takes their numbers")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  command.add_option("--draft-steps", task.source.draft_steps, "scales that the drafter generates")
      ->type_name("N")
      ->check(whole_number(1, kLargestCount));
}

void add_teacher_options(CLI::App& command, plan::GenerateImageTask& task) {
  auto* teacher =
      command
          .add_option("--teacher", task.source.teacher,
                      "of a student of Distilled Decoding 1: its teacher generates scales between "
                      "the student's two steps")
          ->type_name("MODEL");
  command
      .add_option("--teacher-steps", task.source.teacher_scales,
                  "scales that the teacher generates, 1 by default")
      ->type_name("N")
      ->check(whole_number(1, kLargestCount))
      ->needs(teacher);
}

void add_picture_options(CLI::App& command, plan::GenerateImageTask& task) {
  add_item_options(command, {task.classes, task.count, task.first, task.batch_size}, "picture",
                   plan::kMostPictures);
  command
      .add_option(
          "--output", task.output,
          "a folder for the pictures and grid.png; or NAME.png, .jpg or .jpeg: the one picture, or the grid")
      ->type_name("PATH")
      ->required();
  command.add_flag("--save-scales", task.save_scales,
                   "also write what is there after each scale (mar, himar: step)");
  command.add_flag("--show-pivots", task.show_pivots,
                   "himar: also write the picture of the low-resolution pivots, NAME_pivots.png");
}

/// Boxes of the picture that is edited, the option repeated for each.
CLI::Option* add_boxes(CLI::App& command, const char* name, std::vector<runtime::PixelBox>& boxes,
                       const char* help) {
  const auto add = [&boxes](const std::vector<std::string>& texts) {
    for (const auto& text : texts) boxes.push_back(pixel_box(text));
  };
  return command.add_option_function<std::vector<std::string>>(name, add, help)
      ->type_name("X,Y,W,H")
      ->allow_extra_args(false)
      ->check(parses(pixel_box));
}

void add_edit_options(CLI::App& command, plan::GenerateImageTask& task) {
  auto* edit = command.add_option("--edit", task.edit, "generate within this picture, at its size")
                   ->type_name("PICTURE");
  auto* paint = add_boxes(command, "--paint", task.paint, "in-painting: a box to generate anew; repeatable");
  auto* keep = add_boxes(command, "--keep", task.keep, "out-painting: a box to keep; repeatable");
  auto* mask = command.add_option("--mask", task.mask, "a picture of the same size, white where to generate")
                   ->type_name("PICTURE");
  for (auto* where : {paint, keep, mask}) where->needs(edit);
  paint->excludes(keep)->excludes(mask);
  keep->excludes(mask);
}

void check_output(const plan::GenerateImageTask& task) {
  constexpr const char* kOption = "generate-image: --output";
  std::error_code ignored;
  if (!io::is_picture_name(task.output)) {
    if (!fs::is_directory(task.output, ignored)) io::refuse_other_pictures(task.output, kOption);
    require_output_folder(task.output, kOption);
    return;
  }
  std::vector<fs::path> inputs;
  for (const auto& input : {task.edit, task.mask}) {
    if (input) inputs.push_back(*input);
  }
  require_output_file(task.output, inputs, kOption);
  const auto require_folder = [](bool asked, const char* option) {
    if (asked)
      fail<UsageError>("generate-image: {} writes many pictures, expected --output to be a folder", option);
  };
  require_folder(task.save_scales, "--save-scales");
  require_folder(task.show_pivots, "--show-pivots");
}

void check(const plan::GenerateImageTask& task) {
  const auto& source = task.source;
  if (source.model.empty() && !(source.drafter && source.refiner))
    fail<UsageError>("generate-image: --model is required (see arzoo generate-image --help)");
  const auto require_if_given = [](const std::optional<fs::path>& path, const char* option) {
    if (path) require_checkpoint(*path, option);
  };
  if (!source.model.empty()) require_checkpoint(source.model, "generate-image: --model");
  require_if_given(source.vae, "generate-image: --vae");
  require_if_given(source.drafter, "generate-image: --drafter");
  require_if_given(source.refiner, "generate-image: --refiner");
  require_if_given(source.teacher, "generate-image: --teacher");
  if (source.captions) require_input_file(*source.captions, "generate-image: --captions");
  if (task.edit) require_input_file(*task.edit, "generate-image: --edit");
  if (task.mask) require_input_file(*task.mask, "generate-image: --mask");
  if (task.edit && task.paint.empty() && task.keep.empty() && !task.mask)
    fail<UsageError>("generate-image: --edit needs to know where: --paint, --keep or --mask");
  check_output(task);
  if (!task.share.is_all() && io::is_picture_name(task.output))
    fail<UsageError>("generate-image: --output: several processes write into a folder, got the file {}",
                     task.output.string());
}

}  // namespace

void add_generate_image_command(CLI::App& root, Invocation& invocation) {
  auto* command =
      root.add_subcommand("generate-image", "Generate pictures with a trained or published model.");
  command->formatter(std::make_shared<HelpFormat>("--model MODEL --output PATH"));
  auto task = std::make_shared<plan::GenerateImageTask>();
  add_model_options(*command, *task);
  add_teacher_options(*command, *task);
  add_picture_options(*command, *task);
  add_generation_options(*command, task->sampling);
  add_edit_options(*command, *task);
  const auto share = add_shard_option(*command, "pictures");
  add_shared_options(*command, invocation);
  add_inference_options(*command, invocation);
  command->footer(
      "example:\n  arzoo generate-image --model runs/var_fashion --class all --count 8 --seed 1 "
      "--output garments");
  on_chosen(*command, invocation, [task, share, &invocation] {
    task->share = shard_of(*share, invocation);
    task->compute = invocation.compute;
    task->dry_run = invocation.dry_run;
    if (!task->source.texts.empty() && task->classes.empty()) task->classes = {"all"};
    check(*task);
    return run_task(invocation, &plan::TaskTable::generate_image, *task,
                    task->dry_run ? plan_summary : generate_image_summary);
  });
}

}  // namespace arzoo::cli
