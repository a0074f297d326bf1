#pragma once

#include "core/config.h"

namespace arzoo::nn {

/// How a diffusion head is followed, where it learnt the variance of its noise.
void denoising_solver_field(auto& o, auto& field) {
  field("denoising_solver", o.denoising_solver, one_of({"ddpm", "ddim", "dpmpp_2m"}),
        "how the diffusion head is followed: with noise in each step (as officially), without, or without "
        "and with the estimate of the step before as well, which needs fewer denoising_steps");
}

/// How pictures are generated token after token, or many at once, by a model with a diffusion head: under
/// MAR's names. No torch in here.
struct MaskedSamplingOptions {
  double cfg = 1.0;
  std::string cfg_schedule = "linear";
  int64_t steps = 64;
  int64_t denoising_steps = 100;
  double clip = 0.0;

  static void fields(auto& o, auto& field) {
    field("cfg", o.cfg, at_least(0), "guidance scale, 1 for none");
    field("cfg_schedule", o.cfg_schedule, one_of({"linear", "constant"}),
          "whether the guidance scale grows with the share of tokens that are there");
    field("steps", o.steps, at_least(1), "steps of the generation");
    field("denoising_steps", o.denoising_steps, between(1, 1000), "steps of the diffusion head");
    field("clip", o.clip, at_least(0),
          "bound of the estimated tokens while they are denoised, 0 for none (as officially): small models "
          "that predict the noise need one");
  }
};

/// The same where the head adds noise at each of its steps.
struct NoisyMaskedSamplingOptions : MaskedSamplingOptions {
  double temperature = 1.0;
  std::string denoising_solver = "ddpm";

  static void fields(auto& o, auto& field) {
    MaskedSamplingOptions::fields(o, field);
    field("temperature", o.temperature, more_than(0),
          "multiplies the noise of the diffusion head: lower is more deterministic");
    denoising_solver_field(o, field);
  }
};

}  // namespace arzoo::nn
