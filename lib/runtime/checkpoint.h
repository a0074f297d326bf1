#pragma once

#include <torch/nn/module.h>

#include <filesystem>

#include "runtime/optimizer.h"
#include "runtime/train_state.h"

/// A run between two steps on disk.
namespace arzoo::runtime {

class ProcessGroup;
class ShardedParameters;

/// What a run keeps for each trained parameter beside its weight, in their order.
struct TrainTensors {
  Optimizer::State optimizer = {};
  std::vector<at::Tensor> average = {};  ///< empty without one
  std::vector<at::Tensor> masters = {};  ///< fp32 copies of weights in another type; empty without them
};

/// Writes training.json and training.safetensors (moments, averaged weights, fp32 copies, the generator's
/// state) beside the weights that the folder already holds.
void save_train_state(const std::filesystem::path& folder, const SavedState& saved,
                      const torch::nn::Module& model, const TrainTensors& tensors);

/// What training.json in the folder says. Throws ConfigError.
SavedState read_train_state(const std::filesystem::path& folder);

/// The reverse of save_train_state, weights included; tensors: to be filled, or made views of the file where
/// they have no memory. Where the run on disk had no fp32 copies, its weights are taken for them, and the
/// other way round. Throws CheckpointError when the folder does not belong to this model and optimiser.
SavedState load_train_state(const std::filesystem::path& folder, torch::nn::Module& model,
                            TrainTensors& tensors);

/// Several processes, which keep parts of the state or all of it.
struct StateHolders {
  ProcessGroup* group = nullptr;         ///< null for one process
  ShardedParameters* sharded = nullptr;  ///< where the model is
};

/// The whole state of all parameters: what other processes keep is sent to the first one, which asks for it
/// (`wanted`); of a sharded model when ShardedParameters::in_first() reads it. average: this process's.
TrainTensors whole_state(Optimizer& optimizer, const std::vector<at::Tensor>& average,
                         const StateHolders& holders, bool wanted);

/// Gives every process of the group the first one's state, without the weights: each keeps what is its own of
/// the first one's `whole` tensors, empty elsewhere.
void share_train_state(const StateHolders& holders, SavedState& saved, const TrainTensors& whole,
                       Optimizer& optimizer, std::vector<at::Tensor>& average);

}  // namespace arzoo::runtime
