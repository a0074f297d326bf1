#pragma once

#include <typeindex>

#include "core/stop.h"
#include "plan/tasks.h"

/// What each command does. Every function throws the errors of core/error.h; the entry (entry.cpp) turns them
/// into an Outcome.
namespace arzoo::tasks {

/// Trains a model and evaluates the best of it on the test split.
/// Returns {"run_dir", "steps", "epochs", "seconds", "best": {"epoch", "val": {…}}, "test": {…}}; with
/// dry_run {"plan": {…}}.
Json train(const plan::TrainTask& task, Progress& progress, Stop stop);

/// Searches a space of configs by successive halving; every trial is a run directory below task.out, which
/// holds the best model at the end, usable as a model. Returns {"run_dir", "metric", "trials": [{"trial",
/// "values", "share", "epochs", "score", "val", "test", "seconds", "run_dir", "error"?}], "best": one of
/// them, "refused": values that the config's checks refused or that came again, "stopped", "seconds"}; with
/// dry_run
/// {"plan": {…}}.
Json tune(const plan::TuneTask& task, Progress& progress, Stop stop);

/// A command of the family that serves it (runtime::Family::commands), told by the type of its task, which
/// `task` points to. Throws std::logic_error where no family serves it.
Json run_family_command(std::type_index type, const void* task, const std::filesystem::path& model,
                        Progress& progress, Stop stop);

template <class Task>
Json run_family_command(const Task& task, Progress& progress, Stop stop) {
  std::filesystem::path model;
  if constexpr (requires { model = task.model; }) model = task.model;
  return run_family_command(typeid(Task), &task, model, progress, stop);
}

/// Generates pictures with a trained model and writes them as PNG or JPEG files, as they come. Returns
/// {"output", "pictures", "seconds", "seconds_per_picture", "files": […], "settings"}; with dry_run {"plan":
/// {…}}.
Json generate_image(const plan::GenerateImageTask& task, Progress& progress, Stop stop);

/// Generates shapes with a trained model and writes them as meshes. Returns {"output", "shapes", "empty",
/// "seconds", "seconds_per_shape", "files": […], "meshes": [{"file", "class", "vertices", "triangles",
/// "watertight", …}], "settings"}; with dry_run {"plan": {…}}.
Json generate_3d(const plan::Generate3dTask& task, Progress& progress, Stop stop);

/// Keys, shapes and dtypes of a checkpoint, without loading it; of a picture its size and texts; of a mesh
/// its size and topology.
Json inspect(const plan::InspectTask& task, Progress& progress, Stop stop);

/// Rewrites a checkpoint as one safetensors file. Returns {"output", "tensors", "bytes"}; with dry_run
/// {"plan": {…}}.
Json convert(const plan::ConvertTask& task, Progress& progress, Stop stop);

/// Sizes of the default configs: {name: {"parameters", "activated_parameters"}}.
Json models(const plan::ModelsTask& task, Progress& progress, Stop stop);

/// Replays fixture folders. Returns {"cases": […], "passed", "failed"}; a failure is the caller's exit
/// code 4.
Json parity(const plan::ParityTask& task, Progress& progress, Stop stop);

/// Trains or evaluates what a paper's table needs, beside the published numbers. A cell that fails does not
/// end the others. Returns {"title", "source"?, "cells": how many, "skipped": [{"cell", "missing"}],
/// "errors":
/// [{"cell", "error", "exit_code"}], "failed", "rows", "markdown"}; a failure is the caller's exit code 4, or
/// 3 when each was for a bad file.
Json table(const plan::TableTask& task, Progress& progress, Stop stop);

/// Measures throughput, latency and memory beside plain PyTorch and this machine's own peak.
Json speed(const plan::SpeedTask& task, Progress& progress, Stop stop);

/// Trains and times the cells of baseline files and compares with what is stored there. Returns {"rows",
/// "checks": how many, "failed", "skipped": [{"cell", "missing"}], "updated", "markdown"}; a failure is the
/// caller's exit code 4.
Json regress(const plan::RegressTask& task, Progress& progress, Stop stop);

/// One HTML file about all runs and all suites' results below some folders. Returns {"output", "runs",
/// "tables"}.
Json report(const plan::ReportTask& task, Progress& progress, Stop stop);

}  // namespace arzoo::tasks
