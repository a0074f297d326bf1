#pragma once

#include <torch/nn/module.h>

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/parity.h"
#include "runtime/training_options.h"
#include "runtime/training_step.h"

/// Repeating the training steps of official code with the step that training runs take.
namespace arzoo::runtime {

/// What the official loop was given.
struct RecordedTraining {
  torch::nn::Module& model;  ///< whose parameters are trained
  TrainingOptions options;   ///< optimiser, clipping, average of the weights, schedule
  int64_t steps = 0;
  /// Of the whole run that the case is the beginning of, for its schedule; 0: `steps`.
  int64_t total_steps = 0, steps_per_epoch = 0;
  /// Of a step, counted from 0, in the model's present state.
  std::function<Losses(int64_t step)> loss = {};
  /// When the gradients of a step are complete, before they are clipped.
  std::function<void(int64_t step)> on_gradients = {};
  std::vector<at::Tensor> clipped_apart = {};  ///< as Objective's
  /// Where the recorded schedules are others than those of the options.
  std::function<double(int64_t step)> learning_rate = {}, weight_decay = {};
  /// After each step: the gradients are still those that the step used, clipped.
  std::function<void(int64_t step, const Losses& losses)> after_step = {};
};

/// What the steps were like.
struct TrainingLog {
  std::vector<double> losses;
  std::vector<double> gradient_norms;  ///< joint, before clipping
  std::vector<double> norms_apart;     ///< of clipped_apart
  std::vector<double> learning_rates, weight_decays, first_betas;
  /// The average of each parameter, by name; the parameters themselves without options.ema_decay.
  std::unordered_map<std::string, at::Tensor> averages;
};

/// Takes the steps (runtime::training_step). Throws SystemFailure for a loss that is not finite.
TrainingLog replay_training(const RecordedTraining& training);

/// The names that case.json lists under `key`.
std::vector<std::string> listed_names(const ParityCase& fixture, std::string_view key);
/// L2 norms of the model's parameters of these names, and of their gradients (0 where there is none), fp64.
/// Throws CheckpointError for a name that is no parameter.
at::Tensor weight_norms(const torch::nn::Module& model, const std::vector<std::string>& names);
at::Tensor gradient_norms(const torch::nn::Module& model, const std::vector<std::string>& names);

}  // namespace arzoo::runtime
