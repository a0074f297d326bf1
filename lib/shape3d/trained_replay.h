#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/parity.h"
#include "runtime/training_replay.h"

/// Comparing a training that was replayed with the recorded one.
namespace arzoo::shape3d {

/// Copies of a model's parameters, for a replay that is repeated.
class StartingWeights {
 public:
  explicit StartingWeights(const torch::nn::Module& model);
  /// Gives the model these parameters again, each element times 1 + `share` or 1 - `share`, as `seed` says.
  void restore(torch::nn::Module& model, double share, uint64_t seed) const;

 private:
  std::vector<at::Tensor> parameters_;
};

/// Checks "loss" and, of the named parameters, "grad_norm"; leaves no gradients. prefix: of both names.
void check_gradients(torch::nn::Module& model, const at::Tensor& loss, const std::vector<std::string>& names,
                     runtime::ParityReport& report, const std::string& prefix = "");

/// Checks "train_loss", where the case has it, and "param_norms", whose names begin with `prefix`. log: of
/// `training`, begun from `start`.
///
/// Elements of gradients that are 0 but for rounding (keys and queries where all values are equal, a key's
/// bias anywhere) are moved by Adam by up to a whole step, in a direction that the order of additions
/// decides. What rounding decides is therefore measured, by repeating the training with the last bit of all
/// weights changed, and once without these elements. Outside of the case's tolerance, a number passes if it
/// is off by no more than twice what these repetitions differ by; a note says both. The repetitions call
/// training.loss again.
void check_training(const runtime::ParityCase& fixture, const runtime::RecordedTraining& training,
                    const StartingWeights& start, const runtime::TrainingLog& log,
                    const std::vector<std::string>& names, runtime::ParityReport& report,
                    const std::string& prefix = "");

/// check_gradients of the parameters of "param_order", then check_training on the same batch. loss: of that
/// batch. prefix: of all names.
void check_batch_training(const runtime::ParityCase& fixture, torch::nn::Module& model,
                          const std::function<runtime::Losses()>& loss, runtime::ParityReport& report,
                          const std::string& prefix = "");

}  // namespace arzoo::shape3d
