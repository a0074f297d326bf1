#include "nn/diffusion_sampler.h"

#include <torch/torch.h>

#include <algorithm>

#include "nn/diffusion_head.h"

namespace arzoo::nn {
namespace {

/// Rows of modulations that are computed at once: enough to make good use of each weight that is read.
constexpr int64_t kRowsAtOnce = 256;

}  // namespace

at::Tensor guided_estimate(const at::Tensor& output, double cfg, int64_t channels) {
  const int64_t rows = output.size(0) / 2;
  const auto predicted = output.narrow(1, 0, channels);
  const auto with = predicted.narrow(0, 0, rows), without = predicted.narrow(0, rows, rows);
  const auto mixed = without + (with - without) * cfg;
  return at::cat({at::cat({mixed, mixed}), output.narrow(1, channels, output.size(1) - channels)}, 1);
}

at::Tensor sample_diffusion(const DiffusionHead& head, const at::Tensor& z, const DiffusionSchedule& schedule,
                            double cfg, double temperature, const DiffusionRandomInputs& random_inputs,
                            double clip) {
  const torch::NoGradGuard no_grad;
  const int64_t rows = z.size(0), steps = schedule.steps();
  const bool guided = cfg != 1.0;
  const auto maps = head.modulations();
  const auto type = maps.weight.scalar_type();
  const auto condition = head.cond_embed().forward(z.to(type));                          // [R, W]
  const auto times = head.time_embed().forward(schedule.timestep_map().to(z.device()));  // [T, W]
  const int64_t at_once = std::clamp<int64_t>(kRowsAtOnce / std::max<int64_t>(rows, 1), 1, steps);
  auto x = random_inputs.start();
  const int64_t seen = guided ? rows / 2 : rows;
  for (int64_t end = steps; end > 0; end -= std::min(at_once, end)) {
    const int64_t begin = std::max<int64_t>(end - at_once, 0);
    // All that these steps' norms need, in one product.
    const auto opened =
        at::silu(times.narrow(0, begin, end - begin).unsqueeze(1) + condition.unsqueeze(0)).flatten(0, 1);
    const auto modulations = kernels::linear(opened, maps.weight, maps.bias);  // [steps R, ...]
    for (int64_t index = end - 1; index >= begin; --index) {
      // Both halves see the same rows.
      const auto seen_rows = x.narrow(0, 0, seen);
      auto output = head.estimate(guided ? seen_rows.repeat({2, 1}) : seen_rows,
                                  modulations.narrow(0, (index - begin) * rows, rows));
      if (guided) output = guided_estimate(output, cfg, head.options().channels);
      const auto estimate = head.estimate_of(output.narrow(0, 0, x.size(0)), x, schedule, index);
      if (!random_inputs.step) {
        x = schedule.flow(estimate, x, index, clip);
        continue;
      }
      const auto noise = index == 0 ? at::Tensor() : random_inputs.step(index);
      x = schedule.reverse(estimate, x, index, noise, temperature, clip).sample;
    }
  }
  return x;
}

}  // namespace arzoo::nn
