#pragma once

#include <torch/nn/module.h>

#include <filesystem>

#include "runtime/optimizer.h"
#include "runtime/train_state.h"

/// A run between two steps on disk.
namespace arzoo::runtime {

class ProcessGroup;

/// Writes training.json and training.safetensors (moments, averaged weights, the generator's state) beside
/// the weights that the folder already holds.
void save_train_state(const std::filesystem::path& folder, const SavedState& saved,
                      const torch::nn::Module& model, const Adam::State& moments,
                      const std::vector<at::Tensor>& average);

/// What training.json in the folder says. Throws ConfigError.
SavedState read_train_state(const std::filesystem::path& folder);

/// The reverse of save_train_state, weights included. Throws CheckpointError when the folder does not belong
/// to this model and optimiser.
SavedState load_train_state(const std::filesystem::path& folder, torch::nn::Module& model,
                            Adam::State& moments, std::vector<at::Tensor>& average);

/// The moments of all parameters: those that other processes keep are sent to the first one, which asks for
/// them
/// (`wanted`).
Adam::State all_moments(Adam& optimizer, ProcessGroup* group, bool wanted);

/// Gives every process of the group the first one's state, without the weights: the optimiser keeps what is
/// its own of the first one's `moments`, empty elsewhere.
void share_train_state(ProcessGroup& group, SavedState& saved, const Adam::State& moments, Adam& optimizer,
                       std::vector<at::Tensor>& average);

}  // namespace arzoo::runtime
