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

/// What the steps of a sampling have in common.
struct Denoising {
  double cfg, temperature, clip;
  bool ancestral;  ///< with noise, or along the probability flow

  bool is_guided() const { return cfg != 1.0; }
};

/// One step back of all rows. On a device that records, all but the first and the last are one recording.
class DenoisingStep {
 public:
  /// z: [R, Z], for its rows and its device.
  DenoisingStep(const DiffusionHead& head, const DiffusionSchedule& schedule, const Denoising& how,
                const at::Tensor& z, runtime::RecorderFunction recorder)
      : head_(head),
        schedule_(schedule),
        how_(how),
        seen_(how.is_guided() ? z.size(0) / 2 : z.size(0)),
        recorder_(recorder ? std::move(recorder) : runtime::recorder_on(z.device())),
        graph_(recorder_) {
    if (recorder_) table_ = schedule.step_table(z.device());
  }

  /// x: [N, C]; modulation: [R, ...]; noise: as x, undefined for none.
  at::Tensor run(int64_t index, const at::Tensor& x, const at::Tensor& modulation, const at::Tensor& noise) {
    if (!recorder_ || index == 0) return step(x, modulation, noise, schedule_.step(index));
    std::vector<at::Tensor> inputs{x, modulation, table_[index]};
    if (how_.ancestral) inputs.push_back(noise);
    return graph_.run(inputs, [this](const std::vector<at::Tensor>& given) {
      return step(given[0], given[1], given.size() > 3 ? given[3] : at::Tensor(),
                  DiffusionSchedule::step_of(given[2]));
    });
  }

 private:
  template <class Number>
  at::Tensor step(const at::Tensor& x, const at::Tensor& modulation, const at::Tensor& noise,
                  const StepNumbers<Number>& numbers) const {
    // Both halves see the same rows.
    const auto seen_rows = x.narrow(0, 0, seen_);
    auto output = head_.estimate(how_.is_guided() ? seen_rows.repeat({2, 1}) : seen_rows, modulation);
    if (how_.is_guided()) output = guided_estimate(output, how_.cfg, head_.options().channels);
    const auto estimate = head_.estimate_of(output.narrow(0, 0, x.size(0)), x, numbers);
    if (!how_.ancestral) return DiffusionSchedule::flow(estimate, x, numbers, how_.clip);
    return DiffusionSchedule::reverse(estimate, x, numbers, noise, how_.temperature, how_.clip).sample;
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

at::Tensor sample_diffusion(const DiffusionHead& head, const at::Tensor& z, const DiffusionSchedule& schedule,
                            double cfg, double temperature, const DiffusionRandomInputs& random_inputs,
                            double clip, runtime::RecorderFunction recorder) {
  const torch::NoGradGuard no_grad;
  const int64_t rows = z.size(0), steps = schedule.steps();
  const auto maps = head.modulations();
  const auto type = maps.weight.scalar_type();
  const auto condition = head.cond_embed().forward(z.to(type));                          // [R, W]
  const auto times = head.time_embed().forward(schedule.timestep_map().to(z.device()));  // [T, W]
  const int64_t at_once = std::clamp<int64_t>(kRowsAtOnce / std::max<int64_t>(rows, 1), 1, steps);
  DenoisingStep step(head, schedule, {cfg, temperature, clip, static_cast<bool>(random_inputs.step)}, z,
                     std::move(recorder));
  auto x = random_inputs.start();
  for (int64_t end = steps; end > 0; end -= std::min(at_once, end)) {
    const int64_t begin = std::max<int64_t>(end - at_once, 0);
    // All that these steps' norms need, in one product.
    const auto opened =
        at::silu(times.narrow(0, begin, end - begin).unsqueeze(1) + condition.unsqueeze(0)).flatten(0, 1);
    const auto modulations = kernels::linear(opened, maps.weight, maps.bias);  // [steps R, ...]
    for (int64_t index = end - 1; index >= begin; --index) {
      const auto noise = index == 0 || !random_inputs.step ? at::Tensor() : random_inputs.step(index);
      x = step.run(index, x, modulations.narrow(0, (index - begin) * rows, rows), noise);
    }
  }
  return x;
}

}  // namespace arzoo::nn
