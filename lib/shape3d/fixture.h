#pragma once

#include <torch/nn/module.h>

#include "runtime/optimizer.h"
#include "runtime/parity.h"

/// What the replays of this family share.
namespace arzoo::shape3d {

/// A recorded training: AdamW, and a learning rate that first grows linearly and then falls along cosines.
class RecordedTraining {
 public:
  RecordedTraining(const runtime::ParityCase& fixture, torch::nn::Module& model);

  int64_t steps() const { return steps_; }
  /// The rate of a step: PyTorch's SequentialLR of LinearLR and CosineAnnealingLR.
  double rate(int64_t step) const;
  /// One update by the gradients of `loss`.
  void update(const at::Tensor& loss, int64_t step);
  /// L2 norms of gradients and weights, in the order that the case lists.
  at::Tensor gradient_norms() const;
  at::Tensor weight_norms() const;

 private:
  std::vector<at::Tensor> listed_;
  runtime::TrainingOptions options_;
  double start_factor_ = 0.0, end_factor_ = 1.0;
  int64_t warmup_ = 1, period_ = 1, milestone_ = 1, steps_ = 0;
  std::optional<runtime::Adam> optimizer_;
};

/// The gradients' L2 norms of a model's parameters in the order of the case's "param_order".
at::Tensor listed_gradient_norms(const runtime::ParityCase& fixture, const torch::nn::Module& model);

/// A replay of one kind of case.
/// A pass, or training steps where the case has "steps".
void replay_shape_vae_case(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_shape_vae(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_shape_vae_training(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_marching_cubes(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_mar(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_metrics(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_vision(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_operations(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::shape3d
