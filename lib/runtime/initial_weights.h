#pragma once

#include <torch/nn/module.h>

#include <string>

#include "runtime/training_options.h"

namespace arzoo::runtime {

/// Puts the weights that options.init_from means (a run directory's best model, a model folder, or a weights
/// file) into the model. Names and shapes must be exactly the model's but for what options.init_except
/// allows. Returns what to tell the user: how many tensors came from there, and which start fresh. Throws
/// CheckpointError when there is nothing or it does not fit.
std::string load_initial_weights(torch::nn::Module& model, const TrainingOptions& options);

/// Lets training change only the parameters that `trainable` (the config's training.trainable) means; all
/// when it is empty. The others get no gradient. Throws ConfigError for a pattern that means none, with the
/// nearest name.
void select_trainable(torch::nn::Module& model, const Config& trainable);

}  // namespace arzoo::runtime
