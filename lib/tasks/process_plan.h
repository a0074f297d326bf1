#pragma once

#include <functional>

#include "core/json_fwd.h"
#include "core/progress.h"
#include "plan/tasks.h"
#include "runtime/experiment.h"
#include "runtime/training_options.h"

namespace arzoo::tasks {

/// What training would take of each of task.world_size processes on task.hardware: its part of a batch, its
/// memory, what it sends, how long a step takes. The operations of a sample and the memory of its activations
/// are found by a forward pass of one, of a model of undefined weights; a model whose data are not there
/// before training is planned without them, with a note. select: what makes a new experiment's model the one
/// that is trained, with its frozen weights and its adapters.
///
/// Throws ConfigError when the batch has fewer items than there are processes, or for hardware that is
/// described wrongly.
Json process_plan(const plan::TrainTask& task, runtime::Experiment& experiment,
                  const runtime::TrainingOptions& options,
                  const std::function<void(torch::nn::Module&)>& select, Progress& progress);

}  // namespace arzoo::tasks
