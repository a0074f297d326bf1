#pragma once

#include <functional>

#include "runtime/parity.h"
#include "runtime/training_replay.h"

/// Replays of what the official code of this family did.
namespace arzoo::speech {

using runtime::ParityCase;
using runtime::ParityReport;

/// Compares `value` where the case has an output of this name.
void check_if_listed(const std::string& name, const at::Tensor& value, const ParityCase& fixture,
                     ParityReport& report);

/// The "train" section of a case: Adam with its numbers, and its schedule.
struct TrainRecipe {
  runtime::TrainingOptions options;
  int64_t steps = 1;
  std::function<double(int64_t step)> learning_rate;
};
TrainRecipe train_recipe(const Config& train);

/// Takes the case's steps, and compares "loss", "grad_norm", "lr", the norms of the parameters in
/// "param_order", and "final.NAME". clipped: the gradients' norms of the first step are those behind
/// clipping.
void replay_steps(torch::nn::Module& model, const std::function<runtime::Losses(int64_t step)>& loss,
                  bool clipped, const ParityCase& fixture, ParityReport& report);

void replay_paraformer(const ParityCase& fixture, ParityReport& report);
void replay_front_end(const ParityCase& fixture, ParityReport& report);
void replay_spec_augment(const ParityCase& fixture, ParityReport& report);
void replay_time_stamps(const ParityCase& fixture, ParityReport& report);
void replay_expected_errors(const ParityCase& fixture, ParityReport& report);
void replay_fire(const ParityCase& fixture, ParityReport& report);
void replay_cassnat(const ParityCase& fixture, ParityReport& report);
void replay_alignment(const ParityCase& fixture, ParityReport& report);
/// A published folder and its recordings.
void replay_model_dir(const ParityCase& fixture, ParityReport& report);

}  // namespace arzoo::speech
