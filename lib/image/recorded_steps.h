#pragma once

#include <torch/nn/module.h>

#include "runtime/parity.h"

/// What the replays of models with continuous tokens share: training steps.
namespace arzoo::image {

/// The lengths of the parameters' gradients, in the order of "grad_norm_names" in case.json; 0 where there is
/// none.
at::Tensor listed_gradient_norms(const runtime::ParityCase& fixture, const torch::nn::Module& model);

/// Checks the gradients, and the weights, of the parameters that the case has whole: "grad.NAME",
/// "final.NAME".
void check_recorded_gradients(const runtime::ParityCase& fixture, const torch::nn::Module& model,
                              runtime::ParityReport& report);
void check_recorded_weights(const runtime::ParityCase& fixture, const torch::nn::Module& model,
                            runtime::ParityReport& report);

/// The steps of AdamW that "optimizer" in config.json describes, with the average of the weights beside:
/// checks "loss", "grad_norm", "param_norms" and "ema_norms". loss_of: of a step, from 0.
void replay_steps(const runtime::ParityCase& fixture, torch::nn::Module& model,
                  const std::vector<std::string>& no_weight_decay,
                  const std::function<at::Tensor(int64_t)>& loss_of, runtime::ParityReport& report);

}  // namespace arzoo::image
