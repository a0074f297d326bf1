#include "tasks/process_plan.h"

#include <torch/torch.h>

#include <algorithm>
#include <optional>

#include "kernels/flop_counter.h"
#include "plan/cost_model.h"
#include "registry/registry.h"
#include "runtime/deferred_weights.h"
#include "runtime/live_tensors.h"
#include "runtime/optimizer.h"
#include "runtime/parameter_count.h"
#include "runtime/recompute.h"

namespace arzoo::tasks {
namespace {

/// Numbers of the process that updates most of them.
int64_t largest_share(const std::vector<at::Tensor>& trained, int64_t processes) {
  const auto owners = runtime::owners_of(trained, processes);
  std::vector<int64_t> numbers(static_cast<std::size_t>(processes));
  for (std::size_t i = 0; i < trained.size(); ++i)
    numbers[static_cast<std::size_t>(owners[i])] += trained[i].numel();
  return *std::max_element(numbers.begin(), numbers.end());
}

struct SampleWork {
  double flops = 0.0;
  double activations = 0.0;
};

/// Of the same run with batches of one item. Backward computes two products for each one of forward's,
/// and forward's once more where blocks are computed again.
SampleWork sample_work(const plan::TrainTask& task, const runtime::TrainingOptions& options,
                       const std::function<void(torch::nn::Module&)>& select) {
  const double passes = options.recompute ? 4.0 : 3.0;
  auto json = task.config;
  json["training"]["batch_size"] = 1;
  Config config(json, task.name);
  std::optional<runtime::DeferredWeights> unseen(std::in_place);
  const auto experiment = registry::entry_of(config.at("model")).experiment(config, {});
  select(experiment->model());
  unseen.reset();
  experiment->model().train();
  const runtime::RecomputeScope recompute(options.recompute);
  const runtime::LiveTensors live;
  const kernels::FlopCounter counter;
  const auto losses = experiment->loss(0);
  return {passes * counter.flops(), static_cast<double>(live.bytes())};
}

int64_t whole(double value) { return static_cast<int64_t>(value); }

Json json_of(const plan::TrainingCost& cost, const plan::TrainingWork& work, int64_t processes,
             const plan::Hardware& hardware) {
  Json plan{{"processes", processes},
            {"batch_per_process", cost.batch},
            {"process_state_bytes", whole(cost.state())},
            {"step_sent_bytes", whole(cost.sent)}};
  if (work.sample_flops == 0.0) return plan;
  plan["process_activation_bytes"] = whole(cost.activations);
  plan["process_memory_bytes"] = whole(cost.state() + cost.activations);
  plan["sample_flops"] = work.sample_flops;
  plan["step_seconds"] = cost.step_seconds();
  plan["compute_seconds"] = cost.compute_seconds;
  plan["update_seconds"] = cost.update_seconds;
  plan["message_seconds"] = cost.message_seconds;
  plan["waited_seconds"] = cost.waited_seconds;
  plan["efficiency"] = plan::efficiency(work, processes, hardware);
  plan["scales_to"] = plan::scales_to(work, hardware);
  return plan;
}

}  // namespace

Json process_plan(const plan::TrainTask& task, runtime::Experiment& experiment,
                  const runtime::TrainingOptions& options,
                  const std::function<void(torch::nn::Module&)>& select, Progress& progress) {
  const auto processes = task.world_size.value();
  if (options.batch_size < processes)
    fail<ConfigError>(
        "training.batch_size: a batch of {} for {} processes, expected at least one item for each",
        options.batch_size, processes);
  const auto& hardware = task.hardware.value();
  std::vector<at::Tensor> trained;
  plan::TrainingWork work;
  for (const auto& parameter : experiment.model().parameters()) {
    if (!parameter.requires_grad()) continue;
    trained.push_back(parameter);
    work.trained += parameter.numel();
  }
  work.parameters = runtime::count_parameters(experiment.model()).all;
  work.largest_share = largest_share(trained, processes);
  work.batch_size = options.batch_size;
  work.accumulation_steps = options.accumulation_steps;
  work.shard = options.shard;
  if (options.param_dtype == "bf16") {
    work.weight_bytes = 2.0;
    work.copy_bytes = options.master_weights ? 4.0 : 0.0;
  }
  work.moment_bytes = static_cast<double>(runtime::moments_of(options).size()) *
                      (options.param_dtype == "bf16" && !options.master_weights ? 2.0 : 4.0);
  const bool half_precision = task.compute.dtype != "fp32" || options.param_dtype == "bf16";
  try {
    const auto sample = sample_work(task, options, select);
    // Activations of a 16-bit run are 16-bit numbers, but for those of norms and sums.
    work.sample_activations = sample.activations / (half_precision ? 2.0 : 1.0);
    work.sample_flops = sample.flops;
  } catch (const std::exception& error) {
    const std::string text = error.what();
    progress.note("planned without the time of a step, which takes a sample: " +
                  text.substr(0, text.find('\n')));
  }
  const auto cost = plan::training_cost(work, processes, hardware);
  if (cost.state() + cost.activations > hardware.memory)
    progress.note(
        fmt::format("a process needs {:.4g} GB of {:.4g} GB (more processes, a smaller batch_size with more "
                    "accumulation_steps, "
                    "or training.shard)",
                    (cost.state() + cost.activations) / 1e9, hardware.memory / 1e9));
  return json_of(cost, work, processes, hardware);
}

}  // namespace arzoo::tasks
