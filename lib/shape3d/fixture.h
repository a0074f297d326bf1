#pragma once

#include <torch/nn/module.h>

#include "runtime/parity.h"
#include "runtime/training_replay.h"

/// What the replays of this family share.
namespace arzoo::shape3d {

/// The optimiser, the schedule (a rate that first grows linearly and then falls along a cosine) and the
/// number of steps of a case; the loss is the caller's. The parameters' norms are in the order of
/// "param_order". Throws CheckFailed for a case that trains other parameters than `model` has.
runtime::RecordedTraining recorded_training(const runtime::ParityCase& fixture, torch::nn::Module& model);

/// The optimiser of a case, "Adam" or "AdamW", at a constant rate, for its "steps" or those that the caller
/// sets. names: of all parameters that the case trains. Throws CheckFailed as above.
runtime::RecordedTraining constant_training(const runtime::ParityCase& fixture, torch::nn::Module& model,
                                            const std::vector<std::string>& names);

/// A replay of one kind of case.
/// A pass, or training steps where the case has "steps".
void replay_shape_vae_case(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_shape_vae(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_shape_vae_training(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_marching_cubes(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_mar(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_metrics(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_vision(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_argus3d_stage1(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_argus3d_stage2(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_argus3d_sample(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_vat(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_g3pt_tokenizer(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_g3pt_car(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_operations(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::shape3d
