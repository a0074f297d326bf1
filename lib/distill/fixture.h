#pragma once

#include <torch/nn/module.h>

#include "runtime/parity.h"

/// What the replays of this family share.
namespace arzoo::distill {

/// Gives a module the weights of image::weights_of, strictly, moves it to where they lie, and freezes it.
/// Tables that they lack are noted.
void load_part(const runtime::ParityCase& fixture, torch::nn::Module& module,
               const runtime::NamedTensors& all, const std::string& prefix,
               const std::vector<std::string>& others = {});
/// A list of numbers in a case's config.
std::vector<int64_t> integers_at(const Config& config, std::string_view key);
double number_at(const Config& config, std::string_view key);

void replay_mapping(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_dd1_var(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_dd1_llamagen(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_llamagen_trajectories(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_dd2_losses(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_dd2_training(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::distill
