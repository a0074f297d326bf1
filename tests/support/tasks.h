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

/// The same of a config's file.
inline plan::TrainTask file_task(const fs::path& path, const fs::path& out,
                                 const std::vector<std::string>& set = {}) {
  plan::TrainTask task;
  task.compute.device = "cpu";
  task.config = plan::resolve_run_config(Config::load(path, set), path.parent_path());
  task.name = path.string();
  task.out = out;
  return task;
}

/// The same of a committed config, "image/var_tiny".
inline plan::TrainTask committed_task(const std::string& name, const fs::path& out,
                                      const std::vector<std::string>& set = {}) {
  return file_task(source_dir() / "configs" / (name + ".json"), out, set);
}

inline Json train(const plan::TrainTask& task) {
  SilentProgress progress;
  return tasks::train(task, progress, kNeverStop);
}

inline Json train(const Json& config, const fs::path& out) { return train(train_task(config, out)); }

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
  return tasks::run_family_command(task, progress, kNeverStop);
}

}  // namespace arzoo::test
