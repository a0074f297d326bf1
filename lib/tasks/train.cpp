#include <torch/torch.h>

#include <algorithm>

#include "core/cuda_driver.h"
#include "core/run_dir.h"
#include "nn/lora.h"
#include "registry/catalog.h"
#include "registry/registry.h"
#include "runtime/autocast.h"
#include "runtime/deferred_weights.h"
#include "runtime/initial_weights.h"
#include "runtime/memory_budget.h"
#include "runtime/metrics_json.h"
#include "runtime/parameter_count.h"
#include "runtime/peak_memory.h"
#include "runtime/postponed_weights.h"
#include "runtime/process_group.h"
#include "runtime/same_run.h"
#include "runtime/trainer.h"
#include "runtime/training_options.h"
#include "tasks/failure.h"
#include "tasks/process_plan.h"
#include "tasks/run_report.h"
#include "tasks/tasks.h"
#include "tasks/weight_options.h"

namespace arzoo::tasks {
namespace {

/// Weights, and of what is trained a gradient, the optimiser's moments and, of bf16 weights, fp32 copies; in
/// the largest of so many processes. Activations depend on the batch and are not in here.
int64_t state_bytes(const runtime::ParameterCount& parameters, const runtime::TrainingOptions& options,
                    int64_t processes) {
  constexpr int64_t kWide = 4, kHalf = 2;
  const int64_t weight = options.param_dtype == "bf16" ? kHalf : kWide;
  const int64_t kept = options.master_weights ? kWide : weight;
  const int64_t copies = kept == weight ? 0 : kept, frozen = (parameters.all - parameters.trained) * kWide;
  const auto moments = static_cast<int64_t>(runtime::moments_of(options).size());
  if (options.shard != "full" || processes == 1)
    return frozen + parameters.trained * (2 * weight + copies + moments * kept);
  return (frozen + parameters.trained * (2 + moments) * kept) / processes;
}

/// What the run would do: sizes, steps and an estimate of the memory that training takes.
Json plan_of(runtime::Experiment& experiment, const runtime::TrainingOptions& options) {
  const auto parameters = runtime::count_parameters(experiment.model());
  const int64_t steps = std::max<int64_t>(1, experiment.batches_per_epoch() / options.accumulation_steps);
  return {{"parameters", parameters.all},
          {"trained_parameters", parameters.trained},
          {"state_bytes", state_bytes(parameters, options, 1)},
          {"steps_per_epoch", steps},
          {"epochs", options.epochs},
          {"steps", options.max_steps ? std::min(*options.max_steps, steps * options.epochs)
                                      : steps * options.epochs}};
}

/// What decides which weights a run starts from and which it changes.
std::vector<std::string> start_of(const Json& training) {
  const auto options = options_among<runtime::TrainingOptions>(Config(training, "training"));
  std::vector<std::string> start{options.init_from};
  start.insert(start.end(), options.init_except.begin(), options.init_except.end());
  start.emplace_back();
  start.insert(start.end(), options.trainable.begin(), options.trainable.end());
  return start;
}

/// What a resumed run may not change: only the length of the training may.
void check_same_run(const RunDir& run, const plan::TrainTask& task) {
  const auto before = Config::load(run.config());
  const auto refuse = [&](const char* what) {
    fail<UsageError>(
        "{}: /{} differs from the run in {} (resume with the config in the run directory, or start anew "
        "with --out)",
        task.name, what, run.path().string());
  };
  for (const char* section : {"model", "data", "seed"}) {
    if (!before.has(section) || before.json().at(section) != task.config.at(section)) refuse(section);
  }
  if (start_of(before.json().at("training")) != start_of(task.config.at("training")))
    refuse("training/init_from or trainable");
}

/// Weights in the given type; counts and indices stay what they are.
void cast_weights(torch::nn::Module& model, at::ScalarType type) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model.parameters()) parameter.set_data(parameter.to(type));
  for (auto& buffer : model.buffers()) {
    if (buffer.is_floating_point()) buffer.set_data(buffer.to(type));
  }
}

/// Freezes the model and adds what is trained instead; returns what to tell the user.
std::string add_adapters(torch::nn::Module& model, const runtime::LoraOptions& options,
                         const std::string& name) {
  const nn::LoraSizes sizes{options.r, options.alpha / static_cast<double>(options.r), options.dropout};
  const auto layers =
      nn::add_lora(model, options.target_modules, sizes, name + ": /training/lora/target_modules");
  const auto parameters = runtime::count_parameters(model);
  return fmt::format("LoRA of {} layers: {} of {} parameters are trained", layers, parameters.trained,
                     parameters.all);
}

/// What the run would do, and what each of the processes that are asked about would have of it.
Json whole_plan(const plan::TrainTask& task, runtime::Experiment& experiment,
                const runtime::TrainingOptions& options, Progress& progress) {
  auto plan = plan_of(experiment, options);
  if (!task.world_size) return plan;
  const Config config(task.config, task.name);
  const auto select = [&](torch::nn::Module& model) {
    runtime::select_trainable(model, config.at("training").at("trainable"));
    if (options.lora.r > 0) add_adapters(model, options.lora, task.name);
  };
  plan.update(process_plan(task, experiment, options, select, progress));
  return plan;
}

/// The model before its first step, as a run directory that holds nothing else.
Json save_initial_model(const plan::TrainTask& task, runtime::Experiment& experiment,
                        const runtime::Compute& compute) {
  const auto run = RunDir::create(task.out, IfExists::fail);
  run.write_config(task.config);
  cast_weights(experiment.model(), compute.dtype);
  run.save_model([&](const std::filesystem::path& folder) { experiment.save(folder); });
  return {{"run_dir", task.out.string()},
          {"model", run.model().string()},
          {"parameters", runtime::count_parameters(experiment.model()).all}};
}

/// "cuda" of several processes is another GPU for each of those on a machine.
std::string own_device(const plan::ComputeOptions& options) {
  if (options.ranks.alone() || !wants_cuda(options.device) || options.device.find(':') != std::string::npos)
    return options.device;
  return fmt::format("cuda:{}", options.ranks.local_rank);
}

/// The device, and of several processes the group that they are.
runtime::Compute join_others(const plan::TrainTask& task) {
  auto compute = runtime::select_compute(own_device(task.compute), task.compute.dtype);
  const auto& ranks = task.compute.ranks;
  if (ranks.alone() || task.dry_run || task.init_only) return compute;
  compute.share = {ranks.rank, ranks.world};
  compute.group = runtime::ProcessGroup::join(
      ranks, compute.device,
      "start all processes again with --resume: the run goes on from its last saved state");
  return compute;
}

std::optional<RunDir> open_run(const plan::TrainTask& task, const runtime::Compute& compute) {
  if (compute.group && !compute.group->is_first()) return std::nullopt;
  return RunDir::create(task.out, task.resume ? IfExists::resume : IfExists::fail);
}

/// Seconds since a step's backward pass begins.
Json messages_json(const runtime::MessageTimes& times) {
  return {{"backward_end", times.backward_end},
          {"begin", times.begin},
          {"end", times.end},
          {"hidden", times.hidden()},
          {"timed_steps", times.steps}};
}

/// What the processes needed at most, and what they were computed to need.
Json memory_json(const runtime::Compute& compute, const runtime::PeakMemory& peak,
                 const runtime::StateBytes& state) {
  Json memory{{"state_bytes", state.own}, {"single_state_bytes", state.single}};
  const auto bytes = peak.bytes(), growth = peak.growth();
  auto measured = at::tensor({bytes.value_or(0), growth.value_or(0)}, at::kLong).unsqueeze(0);
  if (compute.group) measured = compute.group->concatenated(measured);
  if (measured.select(1, 0).min().item<int64_t>() == 0) return memory;  // some system does not tell
  memory["peak_bytes"] = Json::array();
  memory["training_bytes"] = Json::array();
  for (int64_t rank = 0; rank < measured.size(0); ++rank) {
    memory["peak_bytes"].push_back(measured[rank][0].item<int64_t>());
    memory["training_bytes"].push_back(measured[rank][1].item<int64_t>());
  }
  return memory;
}

Json train_with(const plan::TrainTask& task, const runtime::Compute& compute, Progress& progress, Stop stop) {
  if (compute.group) runtime::require_same_run(*compute.group, runtime::run_identity(task.config));
  runtime::set_threads(task.compute.threads);
  Config config(task.config, task.name);
  runtime::seed(task.config.at("seed").get<int64_t>());
  const auto options = runtime::training_options(config);
  check_weight_options(config, options);

  std::optional<runtime::DeferredWeights> unseen;
  if (task.dry_run) unseen.emplace();
  std::unique_ptr<runtime::Experiment> experiment;
  const auto make_model = [&] {
    experiment = registry::entry_of(config.at("model")).experiment(config, compute);
    for (const auto& note : task.notes) progress.note(note);
    for (const auto& note : experiment->notes()) progress.note(note);
    runtime::select_trainable(experiment->model(), config.at("training").at("trainable"));
    // A plan for several processes is of other machines.
    if (compute.device.is_cpu() && !task.init_only && !task.world_size) {
      const auto bytes =
          state_bytes(runtime::count_parameters(experiment->model()), options, compute.share.count);
      runtime::require_memory(config.at("model"), static_cast<uint64_t>(bytes));
    }
    // A resumed run has its weights from itself.
    if (!options.init_from.empty() && !task.resume)
      progress.note(runtime::load_initial_weights(experiment->model(), options));
    if (options.lora.r > 0) progress.note(add_adapters(experiment->model(), options.lora, task.name));
  };
  std::optional<RunDir> run;
  std::optional<runtime::Trainer> trainer;
  const auto make_trainer = [&] {
    if (auto opened = open_run(task, compute)) run.emplace(std::move(*opened));
    trainer.emplace(*experiment, options, compute, run ? &*run : nullptr, progress, stop);
  };
  const runtime::PeakMemory peak(compute.device);
  {
    // Weights that are shared out or cast are not in memory as a whole before.
    std::optional<runtime::PostponedWeights> postponed;
    if (!task.dry_run && !task.init_only &&
        ((compute.group && options.shard == "full") || options.param_dtype == "bf16"))
      postponed.emplace();
    make_model();
    unseen.reset();
    if (task.dry_run) return {{"plan", whole_plan(task, *experiment, options, progress)}};
    if (task.init_only) return save_initial_model(task, *experiment, compute);
    make_trainer();
  }
  if (run && task.resume) {
    check_same_run(*run, task);
    trainer->check_resumable();
  }
  if (run) run->write_config(task.config);
  experiment->prepare_data(progress, stop);
  const auto summary = trainer->fit(task.resume, task.share);
  Json result{{"run_dir", task.out.string()},
              {"steps", summary.steps},
              {"epochs", summary.epochs},
              {"seconds", summary.seconds}};
  result["best"] = {{"epoch", summary.best_epoch}, {"val", runtime::metrics_json(summary.best_val)}};
  result["test"] = runtime::metrics_json(summary.test);
  if (task.share < 1.0) result["finished"] = summary.finished;
  if (compute.group) result["processes"] = compute.group->world();
  if (summary.messages.steps > 0) result["messages"] = messages_json(summary.messages);
  result["memory"] = memory_json(compute, peak, summary.state);
  if (summary.finished) {
    // bf16 weights meet fp32 inputs.
    const runtime::Autocast autocast(compute.device.type(),
                                     options.param_dtype == "bf16" ? at::kBFloat16 : at::kFloat);
    trainer->in_first([&] { write_run_report(*run, task.config, result, *experiment); });
  }
  if (compute.group) compute.group->finish();
  return result;
}

}  // namespace

Json train(const plan::TrainTask& task, Progress& progress, Stop stop) {
  const auto compute = join_others(task);
  try {
    return train_with(task, compute, progress, stop);
  } catch (const std::exception&) {
    const auto failure = current_failure();
    if (compute.group) compute.group->leave({failure.code, failure.text});
    throw;
  }
}

}  // namespace arzoo::tasks
