#include "runtime/training_step.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "runtime/autocast.h"

namespace arzoo::runtime {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

void require_finite(double loss, const Losses& losses, int64_t step) {
  if (std::isfinite(loss)) return;
  std::string parts;
  for (const auto& [name, part] : losses.parts) parts += fmt::format(", {} {}", name, part.item<double>());
  fail<SystemFailure>("step {}: the loss is {}{} (try a smaller learning_rate or clip_grad_norm)", step + 1,
                      loss, parts);
}

}  // namespace

StepLosses training_step(Objective& objective, Adam& optimizer, const TrainingOptions& options,
                         const Compute& compute, int64_t step, double learning_rate, DataParallel* parallel,
                         bool stop) {
  optimizer.zero_grad();
  const auto scale = static_cast<double>(options.accumulation_steps);
  StepLosses result;
  for (int64_t i = 0; i < options.accumulation_steps; ++i) {
    auto& losses = result.last;
    const int64_t batch = step * options.accumulation_steps + i;
    if (parallel != nullptr)
      parallel->prepare(batch, [&] { objective.prepare(batch); });
    else
      objective.prepare(batch);
    {
      const Autocast autocast(compute.device.type(), compute.dtype);
      losses = objective.loss(batch);
    }
    double loss = losses.total.item<double>();
    auto total = options.accumulation_steps == 1 ? losses.total : losses.total / scale;
    if (parallel != nullptr) {
      parallel->average_buffers();
      const auto joint = parallel->joint(loss, losses.samples, stop);
      loss = joint.mean;
      result.stop = result.stop || joint.stop;
      total = total * joint.weight;
    }
    require_finite(loss, losses, step);
    if (parallel != nullptr)
      parallel->backward(total, i + 1 == options.accumulation_steps);
    else
      total.backward();
    result.mean += loss / scale;
  }
  {
    const torch::NoGradGuard no_grad;
    objective.on_gradients(step);
  }
  if (options.clip_grad_norm > 0) {
    const auto apart = objective.clipped_apart();
    result.gradient_norm = optimizer.clip_gradients(options.clip_grad_norm, apart);
    if (!apart.empty()) result.norm_apart = clip_gradients(apart, options.clip_grad_norm);
  }
  if (options.clip_grad_value > 0) {
    if (options.clip_grad_norm == 0.0) result.gradient_norm = optimizer.clip_gradients(kNoLimit);
    optimizer.clip_gradient_values(options.clip_grad_value);
  }
  optimizer.step(learning_rate);
  if (parallel != nullptr) parallel->share_updates(optimizer);
  return result;
}

}  // namespace arzoo::runtime
