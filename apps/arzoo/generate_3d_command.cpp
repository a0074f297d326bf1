#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "core/ascii.h"
#include "generation_options.h"
#include "help_format.h"
#include "io/mesh_file.h"
#include "io/picture_file.h"
#include "io/step_plugin.h"
#include "item_options.h"
#include "path_checks.h"
#include "result_summary.h"
#include "shard_option.h"
#include "task_run.h"
#include "value_checks.h"

namespace arzoo::cli {
namespace {

constexpr int64_t kFinest = 1024;

/// Formats of meshes, and of solids.
std::vector<std::string> shape_formats() {
  std::vector<std::string> formats(std::begin(io::kMeshExtensions), std::end(io::kMeshExtensions));
  formats.emplace_back("step");
  return formats;
}

bool is_shape_name(const fs::path& path) { return io::is_mesh_name(path) || io::is_step_name(path); }

void add_shape_options(CLI::App& command, plan::Generate3dTask& task) {
  command.add_option("--model", task.model, "run directory or model folder of a trained model")
      ->type_name("MODEL");
  add_item_options(command, {task.classes, task.count, task.first, task.batch_size}, "shape",
                   plan::kMostShapes);
  command.add_option("--image", task.image, "a picture of a shape on white, whose outline the shapes follow")
      ->type_name("PICTURE");
  command
      .add_option("--points", task.points,
                  "a mesh of a part of a shape, within the cube from -1 to 1, which the shapes complete")
      ->type_name("MESH");
  command
      .add_option("--resolution", task.resolution,
                  "cells along an axis of the grid that the surface is found in, 128 by default")
      ->type_name("N")
      ->check(whole_number(4, kFinest));
}

void add_output_options(CLI::App& command, plan::Generate3dTask& task) {
  command.add_flag("--dense", task.dense,
                   "evaluate every point of the grid, not only those near the surface");
  command
      .add_option("--output", task.output,
                  "a folder for the meshes and sheet.png, where each is seen from six sides; or a file "
                  "NAME.glb, .ply, .obj, .stl, .off or .step for a single shape")
      ->type_name("PATH")
      ->required();
  command
      .add_option("--format", task.format,
                  "format of the files in a folder, glb by default; step: of a model of solids")
      ->type_name(fmt::format("{}", fmt::join(shape_formats(), "|")))
      ->check(choice(shape_formats()));
  command.add_option("--sheet", task.sheet, "file for the picture of all shapes, .png or .jpg")
      ->type_name("PICTURE");
}

void check_output(const plan::Generate3dTask& task, const std::vector<fs::path>& inputs, bool format_given) {
  constexpr const char* kOption = "generate-3d: --output";
  std::error_code ignored;
  if (!is_shape_name(task.output)) {
    if (task.output.has_extension() && !fs::is_directory(task.output, ignored)) io::mesh_format(task.output);
    require_output_folder(task.output, kOption);
    return;
  }
  if (format_given && to_lower(task.output.extension().string()) != "." + task.format) {
    fail<UsageError>("generate-3d: --format {}: --output {} names another format", task.format,
                     task.output.string());
  }
  require_output_file(task.output, inputs, kOption);
}

void check(const plan::Generate3dTask& task, bool format_given) {
  if (task.model.empty()) fail<UsageError>("generate-3d: --model is required (see arzoo generate-3d --help)");
  require_checkpoint(task.model, "generate-3d: --model");
  std::vector<fs::path> inputs;
  for (const auto& [input, option] :
       {std::pair{&task.image, "generate-3d: --image"}, {&task.points, "generate-3d: --points"}}) {
    if (!*input) continue;
    require_input_file(**input, option);
    inputs.push_back(**input);
  }
  if (task.points) io::mesh_format(*task.points);
  check_output(task, inputs, format_given);
  if (!task.share.is_all() && (task.sheet || is_shape_name(task.output)))
    fail<UsageError>(
        "generate-3d: several processes write into a folder: --output cannot be a file, and --sheet not "
        "given");
  if (!task.sheet) return;
  if (!io::is_picture_name(*task.sheet)) {
    fail<UsageError>("generate-3d: --sheet: {}: expected a name that ends in .png, .jpg or .jpeg",
                     task.sheet->string());
  }
  require_output_file(*task.sheet, inputs, "generate-3d: --sheet");
}

}  // namespace

void add_generate_3d_command(CLI::App& root, Invocation& invocation) {
  auto* command =
      root.add_subcommand("generate-3d", "Generate shapes with a trained model and write them as meshes.");
  command->formatter(std::make_shared<HelpFormat>("--model MODEL --output PATH"));
  auto task = std::make_shared<plan::Generate3dTask>();
  add_shape_options(*command, *task);
  add_generation_options(*command, task->sampling);
  add_output_options(*command, *task);
  const auto share = add_shard_option(*command, "shapes");
  add_shared_options(*command, invocation);
  add_inference_options(*command, invocation);
  command->footer(
      "example:\n  arzoo generate-3d --model runs/mar3d_solids --class chair --count 4 --seed 1 --output "
      "chairs");
  on_chosen(*command, invocation, [task, share, command, &invocation] {
    task->share = shard_of(*share, invocation);
    task->compute = invocation.compute;
    task->dry_run = invocation.dry_run;
    check(*task, command->count("--format") > 0);
    return run_task(invocation, &plan::TaskTable::generate_3d, *task,
                    task->dry_run ? plan_summary : generate_3d_summary);
  });
}

}  // namespace arzoo::cli
