#include <CLI/CLI.hpp>

#include "commands.h"
#include "core/error.h"
#include "help_format.h"
#include "io/mesh_file.h"
#include "path_checks.h"
#include "result_summary.h"
#include "task_run.h"
#include "value_checks.h"

namespace arzoo::cli {
namespace {

constexpr const char* kCoder =
    "run directory or model folder of a model that codes by tokens: vat, g3pt_vq, argus3d_vq";
constexpr int64_t kFinestGrid = 1024;

void require_tokens_name(const fs::path& path, const char* option) {
  if (path.extension() != ".tokens")
    fail<UsageError>("{}: {}: expected a name that ends in .tokens", option, path.string());
}

void check_encode(const plan::EncodeTask& task) {
  require_input_file(task.input, "encode");
  io::mesh_format(task.input);
  require_checkpoint(task.model, "encode: --model");
  require_tokens_name(task.output, "encode: --output");
  require_output_file(task.output, {task.input}, "encode: --output");
}

void check_decode(const plan::DecodeTask& task) {
  require_input_file(task.input, "decode");
  require_checkpoint(task.model, "decode: --model");
  io::mesh_format(task.output);
  require_output_file(task.output, {task.input}, "decode: --output");
}

}  // namespace

void add_encode_command(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand("encode", "Code a mesh as a few tokens of a trained model.");
  command->formatter(std::make_shared<HelpFormat>("MESH --model MODEL --output FILE.tokens"));
  auto task = std::make_shared<plan::EncodeTask>();
  command->add_option("mesh", task->input, "an OBJ, PLY, STL, OFF or GLB file")
      ->type_name("MESH")
      ->required();
  command->add_option("--model", task->model, kCoder)->type_name("MODEL")->required();
  command->add_option("--output", task->output, "file for the tokens, NAME.tokens")
      ->type_name("PATH")
      ->required();
  add_shared_options(*command, invocation);
  add_inference_options(*command, invocation);
  command->footer(
      "example:\n  arzoo encode data/meshes/idler_riser.stl --model runs/vat_solids --output riser.tokens");
  on_chosen(*command, invocation, [task, &invocation] {
    task->compute = invocation.compute;
    task->dry_run = invocation.dry_run;
    check_encode(*task);
    return run_task(invocation, &plan::TaskTable::encode, *task,
                    task->dry_run ? plan_summary : encode_summary);
  });
}

void add_decode_command(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand("decode", "Make the mesh of tokens that `arzoo encode` wrote.");
  command->formatter(std::make_shared<HelpFormat>("FILE.tokens --model MODEL --output MESH"));
  auto task = std::make_shared<plan::DecodeTask>();
  command->add_option("tokens", task->input, "a file of arzoo encode, of the same model")
      ->type_name("PATH")
      ->required();
  command->add_option("--model", task->model, kCoder)->type_name("MODEL")->required();
  command->add_option("--output", task->output, "file for the mesh, NAME.glb, .ply, .obj, .stl or .off")
      ->type_name("PATH")
      ->required();
  command
      ->add_option("--resolution", task->resolution,
                   "cells along an axis of the grid that the surface is found in, 128 by default")
      ->type_name("N")
      ->check(whole_number(4, kFinestGrid));
  command->add_flag("--dense", task->dense,
                    "evaluate every point of the grid, not only those near the surface");
  add_shared_options(*command, invocation);
  add_inference_options(*command, invocation);
  command->footer("example:\n  arzoo decode riser.tokens --model runs/vat_solids --output riser.glb");
  on_chosen(*command, invocation, [task, &invocation] {
    task->compute = invocation.compute;
    task->dry_run = invocation.dry_run;
    check_decode(*task);
    return run_task(invocation, &plan::TaskTable::decode, *task,
                    task->dry_run ? plan_summary : decode_summary);
  });
}

}  // namespace arzoo::cli
