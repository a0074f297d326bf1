#pragma once

#include "plan/run_config.h"
#include "support/tiny_forecaster.h"
#include "tasks/tasks.h"

namespace arzoo::test {

inline const std::atomic<bool> kNeverStop = false;

/// A training task of a config as it stands in a file, checked and resolved as the launcher does it.
inline plan::TrainTask train_task(const Json& config, const fs::path& out) {
  plan::TrainTask task;
  task.compute.device = "cpu";
  task.config = plan::resolve_run_config(Config(config, "tiny.json"), ".");
  task.name = "tiny.json";
  task.out = out;
  return task;
}

inline Json train(const Json& config, const fs::path& out) {
  SilentProgress progress;
  return tasks::train(train_task(config, out), progress, kNeverStop);
}

/// A task that forecasts `inputs` with the run directory `model`.
inline plan::ForecastTask forecast_task(const fs::path& model, std::vector<fs::path> inputs,
                                        const fs::path& output) {
  plan::ForecastTask task;
  task.compute.device = "cpu";
  task.model = model;
  task.inputs = std::move(inputs);
  task.output = output;
  return task;
}

inline Json forecast(const plan::ForecastTask& task) {
  SilentProgress progress;
  return tasks::forecast(task, progress, kNeverStop);
}

}  // namespace arzoo::test
