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

/// Samples tokens under z by ancestral sampling, or along the probability flow. With cfg other than 1, z
/// holds rows with a condition and, behind them, as many without. random_inputs.start() decides how many
/// rows are denoised: the first half, or both halves. Returns them, fp32. clip: see
/// DiffusionSchedule::reverse. recorder: what records the steps (runtime/step_graph.h); where it is empty,
/// what the device of z has.
at::Tensor sample_diffusion(const DiffusionHead& head, const at::Tensor& z, const DiffusionSchedule& schedule,
                            double cfg, double temperature, const DiffusionRandomInputs& random_inputs,
                            double clip = 0.0, runtime::RecorderFunction recorder = {});

}  // namespace arzoo::nn
