#include "nn/diffusion_sampler.h"

#include <torch/torch.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "nn/diffusion_head.h"

namespace arzoo::nn {
namespace {

/// Rows of modulations that are computed at once: enough to make good use of each weight that is read.
constexpr int64_t kRowsAtOnce = 256;

/// One step back of all rows. On a device that records, all but the first and the last are one recording.
class DenoisingStep {
 public:
  /// z: [R, Z], for its rows and its device.
  DenoisingStep(const DiffusionHead& head, const DiffusionSchedule& schedule, const Denoising& how,
                const at::Tensor& z, runtime::RecorderFunction recorder)
      : head_(head),
        schedule_(schedule),
        how_(how),
        seen_(is_guided() ? z.size(0) / 2 : z.size(0)),
        recorder_(recorder ? std::move(recorder) : runtime::recorder_on(z.device())),
        graph_(recorder_) {
    if (recorder_) table_ = schedule.step_table(z.device());
  }

  /// What a step is given and returns, [N, C]: x_t; with two estimates behind it the start that was
  /// estimated last, [N, 2 C].
  at::Tensor begin(const at::Tensor& x) const {
    return how_.solver == DiffusionSolver::dpmpp_2m ? at::cat({x, at::zeros_like(x)}, 1) : x;
  }
  at::Tensor end(const at::Tensor& state) const { return state.narrow(1, 0, head_.options().channels); }

  /// modulation: [R, ...]; noise: as x, undefined for none.
  at::Tensor run(int64_t index, const at::Tensor& state, const at::Tensor& modulation,
                 const at::Tensor& noise) {
    if (!recorder_ || index == 0) return step(state, modulation, noise, schedule_.step(index));
    std::vector<at::Tensor> inputs{state, modulation, table_[index]};
    if (noise.defined()) inputs.push_back(noise);
    return graph_.run(inputs, [this](const std::vector<at::Tensor>& given) {
      return step(given[0], given[1], given.size() > 3 ? given[3] : at::Tensor(),
                  DiffusionSchedule::step_of(given[2]));
    });
  }

 private:
  bool is_guided() const { return how_.cfg != 1.0; }

  template <class Number>
  at::Tensor step(const at::Tensor& state, const at::Tensor& modulation, const at::Tensor& noise,
                  const StepNumbers<Number>& numbers) const {
    const int64_t channels = head_.options().channels;
    const auto x = state.narrow(1, 0, channels);
    // Both halves see the same rows.
    const auto seen_rows = x.narrow(0, 0, seen_);
    auto output = head_.estimate(is_guided() ? seen_rows.repeat({2, 1}) : seen_rows, modulation);
    if (is_guided()) output = guided_estimate(output, how_.cfg, channels);
    const auto estimate = head_.estimate_of(output.narrow(0, 0, x.size(0)), x, numbers);
    switch (how_.solver) {
      case DiffusionSolver::ddpm:
        return DiffusionSchedule::reverse(estimate, x, numbers, noise, how_.temperature, how_.clip).sample;
      case DiffusionSolver::ddim:
        return DiffusionSchedule::flow(estimate, x, numbers, how_.clip);
      case DiffusionSolver::dpmpp_2m:
        break;
    }
    const auto before = state.narrow(1, channels, channels);
    const auto next = DiffusionSchedule::flow_by_two(estimate, x, before, numbers, how_.clip);
    return at::cat({next.sample, next.start}, 1);
  }

  const DiffusionHead& head_;
  const DiffusionSchedule& schedule_;
  Denoising how_;
  int64_t seen_;
  runtime::RecorderFunction recorder_;
  runtime::StepGraph graph_;
  at::Tensor table_;  ///< of the schedule's steps, where they are recorded
};

}  // namespace

at::Tensor guided_estimate(const at::Tensor& output, double cfg, int64_t channels) {
  const int64_t rows = output.size(0) / 2;
  const auto predicted = output.narrow(1, 0, channels);
  const auto with = predicted.narrow(0, 0, rows), without = predicted.narrow(0, rows, rows);
  const auto mixed = without + (with - without) * cfg;
  return at::cat({at::cat({mixed, mixed}), output.narrow(1, channels, output.size(1) - channels)}, 1);
}

DiffusionSolver solver_with(const Denoising& how, const DiffusionRandomInputs& random_inputs) {
  return how.solver == DiffusionSolver::ddpm && !random_inputs.step ? DiffusionSolver::ddim : how.solver;
}

at::Tensor start_with(const Denoising& how, const DiffusionRandomInputs& random_inputs) {
  const auto start = random_inputs.start();
  return solver_with(how, random_inputs) == DiffusionSolver::ddpm ? start : start * how.temperature;
}

at::Tensor sample_diffusion(const DiffusionHead& head, const at::Tensor& z, const DiffusionSchedule& schedule,
                            const Denoising& how, const DiffusionRandomInputs& random_inputs,
                            runtime::RecorderFunction recorder) {
  const torch::NoGradGuard no_grad;
  const int64_t rows = z.size(0), steps = schedule.steps();
  const auto maps = head.modulations();
  const auto type = maps.weight.scalar_type();
  const auto condition = head.cond_embed().forward(z.to(type));                          // [R, W]
  const auto times = head.time_embed().forward(schedule.timestep_map().to(z.device()));  // [T, W]
  const int64_t at_once = std::clamp<int64_t>(kRowsAtOnce / std::max<int64_t>(rows, 1), 1, steps);
  auto in_force = how;
  in_force.solver = solver_with(how, random_inputs);
  const bool noisy = in_force.solver == DiffusionSolver::ddpm;
  DenoisingStep step(head, schedule, in_force, z, std::move(recorder));
  auto state = step.begin(start_with(how, random_inputs));
  for (int64_t end = steps; end > 0; end -= std::min(at_once, end)) {
    const int64_t begin = std::max<int64_t>(end - at_once, 0);
    // All that these steps' norms need, in one product.
    const auto opened =
        at::silu(times.narrow(0, begin, end - begin).unsqueeze(1) + condition.unsqueeze(0)).flatten(0, 1);
    const auto modulations = kernels::linear(opened, maps.weight, maps.bias);  // [steps R, ...]
    for (int64_t index = end - 1; index >= begin; --index) {
      const auto noise = index == 0 || !noisy ? at::Tensor() : random_inputs.step(index);
      state = step.run(index, state, modulations.narrow(0, (index - begin) * rows, rows), noise);
    }
  }
  return step.end(state);
}

}  // namespace arzoo::nn
