#pragma once

#include "core/options_among.h"
#include "runtime/parity.h"
#include "runtime/training_replay.h"

/// What the replays of this family share.
namespace arzoo::icl {

using runtime::ParityCase;
using runtime::ParityReport;

/// A whole number of the case's configuration.
int64_t whole_number(const ParityCase& fixture, const char* key);
double real_number(const ParityCase& fixture, const char* key);
/// The same, or `otherwise` where the case does not have it.
double real_number(const ParityCase& fixture, const char* key, double otherwise);

/// Compares the gradients of `loss` with the outputs "grad.<parameter>".
void check_gradients(const at::Tensor& loss, const torch::nn::Module& model, ParityReport& report);
/// Compares each parameter's length with the output "norm.<parameter>", and its values with
/// "final.<parameter>" where the case has that.
void check_trained(const torch::nn::Module& model, const ParityCase& fixture, ParityReport& report);

/// A replay of one kind of case.
void replay_construction(const ParityCase& fixture, ParityReport& report);
void replay_vonoswald(const ParityCase& fixture, ParityReport& report);
void replay_vonoswald_training(const ParityCase& fixture, ParityReport& report);
void replay_vonoswald_trained(const ParityCase& fixture, ParityReport& report);
void replay_regression_data(const ParityCase& fixture, ParityReport& report);
void replay_gpt2(const ParityCase& fixture, ParityReport& report);
void replay_function_classes(const ParityCase& fixture, ParityReport& report);
void replay_akyurek(const ParityCase& fixture, ParityReport& report);
void replay_baselines(const ParityCase& fixture, ParityReport& report);
void replay_akyurek_algorithms(const ParityCase& fixture, ParityReport& report);
void replay_dynamics(const ParityCase& fixture, ParityReport& report);
void replay_mesa_layer(const ParityCase& fixture, ParityReport& report);
void replay_paths(const ParityCase& fixture, ParityReport& report);
void replay_universal_layer(const ParityCase& fixture, ParityReport& report);
void replay_path_learner(const ParityCase& fixture, ParityReport& report);

}  // namespace arzoo::icl
