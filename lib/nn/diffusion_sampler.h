#pragma once

#include <functional>

#include "nn/diffusion_schedule.h"
#include "runtime/step_graph.h"

namespace arzoo::nn {

class DiffusionHead;

/// Classifier-free guidance of rows with a condition and, behind them, the same rows without one: what is
/// predicted of both, the first `channels` numbers, becomes e_u + cfg (e_c - e_u), the variances stay.
/// output: [2 N, C or 2 C].
at::Tensor guided_estimate(const at::Tensor& output, double cfg, int64_t channels);

/// Where the random numbers of a sampling come from: as many rows as are denoised, [N, C].
struct DiffusionRandomInputs {
  std::function<at::Tensor()> start;  ///< x_T
  /// Of the step from `index` to the one before; none: along the probability flow, which needs no noise.
  std::function<at::Tensor(int64_t index)> step = nullptr;
};

/// How tokens are denoised.
struct Denoising {
  double cfg = 1.0;          ///< guidance scale, 1 for none
  double temperature = 1.0;  ///< of the noise in each step; along the flow of the noise that it starts from
  double clip = 0.0;         ///< bound of the estimated start, 0 for none: DiffusionSchedule::reverse
  /// ddpm is ddim where the random inputs have no steps.
  DiffusionSolver solver = DiffusionSolver::ddpm;
};

/// The solver in force, and x_T as it begins with.
DiffusionSolver solver_with(const Denoising& how, const DiffusionRandomInputs& random_inputs);
at::Tensor start_with(const Denoising& how, const DiffusionRandomInputs& random_inputs);

/// Samples tokens under z. With guidance, z holds rows with a condition and, behind them, as many without.
/// random_inputs.start() decides how many rows are denoised: the first half, or both halves. Returns them,
/// fp32. recorder: what records the steps (runtime/step_graph.h); where it is empty, what the device of z
/// has.
at::Tensor sample_diffusion(const DiffusionHead& head, const at::Tensor& z, const DiffusionSchedule& schedule,
                            const Denoising& how, const DiffusionRandomInputs& random_inputs,
                            runtime::RecorderFunction recorder = {});

}  // namespace arzoo::nn
