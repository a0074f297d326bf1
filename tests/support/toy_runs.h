#pragma once

#include <utility>
#include <vector>

#include "runtime/trainer.h"
#include "support/stepping_progress.h"
#include "support/toy_experiment.h"

/// Training runs of the toy experiment.
namespace arzoo::test {

inline runtime::TrainingOptions toy_options() {
  runtime::TrainingOptions options;
  options.epochs = 3;
  options.learning_rate = 0.01;
  options.log_every = 3;  // does not divide an epoch: the sum of the losses must survive an interruption
  return options;
}

/// Everything at once that a state must carry.
inline runtime::TrainingOptions busy_options() {
  auto options = toy_options();
  options.epochs = 4;
  options.accumulation_steps = 2;
  options.ema_decay = 0.7;
  options.clip_grad_norm = 0.5;
  options.lradj = "cosine";
  options.warmup_steps = 2;
  options.save_every = 1;
  options.log_every = 1;
  return options;
}

/// Gradient descent, whose state has one moment.
inline runtime::TrainingOptions descent_options() {
  auto options = toy_options();
  options.optimizer = "sgd";
  options.momentum = 0.9;
  return options;
}

/// One process' share of a run.
inline runtime::TrainSummary fit(const std::filesystem::path& path, const runtime::TrainingOptions& options,
                                 runtime::Experiment& experiment, Progress& progress,
                                 const std::atomic<bool>& stop, at::ScalarType dtype = at::kFloat) {
  const bool resume = std::filesystem::exists(path / "last");
  const auto run = RunDir::create(path, resume ? IfExists::resume : IfExists::replace);
  run.write_config({{"toy", true}});
  if (!resume) runtime::seed(5);
  return runtime::Trainer(experiment, options, {at::kCPU, dtype}, &run, progress, stop).fit(resume);
}

/// One process' share that nobody disturbs.
inline runtime::TrainSummary fit(const std::filesystem::path& path, const runtime::TrainingOptions& options,
                                 ToyFaults faults = {}, at::ScalarType dtype = at::kFloat) {
  ToyExperiment experiment(std::move(faults));
  SilentProgress progress;
  const std::atomic<bool> stop = false;
  return fit(path, options, experiment, progress, stop, dtype);
}

/// One process' share that is asked to stop after `steps` of its own steps.
inline void fit_interrupted(const std::filesystem::path& path, const runtime::TrainingOptions& options,
                            int64_t steps) {
  ToyExperiment experiment;
  std::atomic<bool> stop = false;
  SteppingProgress progress([&](int64_t done) { stop = done >= steps; });
  CHECK_THROWS_AS(fit(path, options, experiment, progress, stop), Interrupted);
}

inline std::vector<Json> lines_of(const std::filesystem::path& path) {
  std::vector<Json> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
  return lines;
}

/// The whole training state but for the time it took, and what was logged on the way: equal to the last bit.
inline void check_same_training(const std::filesystem::path& run, const std::filesystem::path& expected) {
  for (const char* file : {"metrics.jsonl", "model/model.safetensors", "last/model.safetensors",
                           "last/training.json", "last/training.safetensors"}) {
    INFO(file);
    CHECK(read_file(run / file) == read_file(expected / file));
  }
}

}  // namespace arzoo::test
