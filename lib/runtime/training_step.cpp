#include "runtime/training_step.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "runtime/autocast.h"
#include "runtime/operator_watch.h"
#include "runtime/recompute.h"

namespace arzoo::runtime {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

/// Without autocast's store of cast weights while it lives: it would keep what is freed and gathered again,
/// and hand a recomputed block what an earlier pass had cast.
class WithoutCastStore {
 public:
  explicit WithoutCastStore(bool active) : before_(at::autocast::is_autocast_cache_enabled()) {
    if (active) at::autocast::set_autocast_cache_enabled(false);
  }
  ~WithoutCastStore() { at::autocast::set_autocast_cache_enabled(before_); }
  WithoutCastStore(const WithoutCastStore&) = delete;
  WithoutCastStore& operator=(const WithoutCastStore&) = delete;

 private:
  bool before_;
};

void require_finite(double loss, const Losses& losses, int64_t step) {
  if (std::isfinite(loss)) return;
  std::string parts;
  for (const auto& [name, part] : losses.parts) parts += fmt::format(", {} {}", name, part.item<double>());
  fail<SystemFailure>("step {}: the loss is {}{} (try a smaller learning_rate or clip_grad_norm)", step + 1,
                      loss, parts);
}

}  // namespace

StepLosses training_step(Objective& objective, Optimizer& optimizer, const TrainingOptions& options,
                         const Compute& compute, int64_t step, double learning_rate, DataParallel* parallel,
                         bool stop) {
  optimizer.zero_grad();
  const auto scale = static_cast<double>(options.accumulation_steps);
  StepLosses result;
  auto watch = parallel != nullptr ? parallel->watch() : nullptr;
  const WithoutCastStore no_store(watch != nullptr || options.recompute);
  for (int64_t i = 0; i < options.accumulation_steps; ++i) {
    auto& losses = result.last;
    const int64_t batch = step * options.accumulation_steps + i;
    if (parallel != nullptr)
      parallel->prepare(batch, [&] { objective.prepare(batch); });
    else
      objective.prepare(batch);
    {
      const Autocast autocast(compute.device.type(), compute.dtype);
      const RecomputeScope recompute(options.recompute);
      losses = objective.loss(batch);
      if (options.recompute && !recompute.was_used())
        fail<ConfigError>(
            "training.recompute: this model has no blocks that can be computed again (set it to false)");
    }
    double loss = losses.total.item<double>();
    auto total = options.accumulation_steps == 1 ? losses.total : losses.total / scale;
    if (parallel != nullptr) {
      const auto joint = parallel->joint(loss, losses.samples, stop);
      loss = joint.mean;
      result.stop = result.stop || joint.stop;
      total = total * joint.weight;
    }
    require_finite(loss, losses, step);
    if (parallel != nullptr) {
      parallel->backward(total, i + 1 == options.accumulation_steps);
      parallel->average_buffers();  // not before: batch normalisation keeps its statistics for backward
    } else {
      total.backward();
    }
    result.mean += loss / scale;
  }
  watch.reset();
  optimizer.collect_gradients();
  {
    const torch::NoGradGuard no_grad;
    objective.on_gradients(step);
  }
  if (options.clip_grad_norm > 0) {
    const auto apart = objective.clipped_apart();
    result.gradient_norm = optimizer.clip_gradients(options.clip_grad_norm, apart);
    if (!apart.empty())
      result.norm_apart = optimizer.clip_gradients(options.clip_grad_norm, apart, /*only=*/true);
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
