#pragma once

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "core/config.h"

namespace arzoo::tasks {

/// One trial of a search as it stands on disk.
struct Trial {
  int64_t draw = 0;                 ///< number of the draw that its values came from; 0: the config's own
  Json values = Json::object();     ///< {key: value} of what is searched
  std::vector<double> scores = {};  ///< at the end of each rung, less is better
  int64_t steps = 0, epochs = 0;
  double seconds = 0.0;                              ///< of training, all rungs together
  Json val = Json::object(), test = Json::object();  ///< metrics of its best epoch
  std::string error = {};                            ///< why it failed; empty: it did not

  double score() const { return scores.empty() ? std::nan("") : scores.back(); }

  static void fields(auto& o, auto& field) {
    field("draw", o.draw, between(0, 1e9), "number of the draw, 0 for the config's own values");
    field("values", o.values, {}, "what is searched");
    field("scores", o.scores, {}, "validation score at the end of each rung");
    field("steps", o.steps, at_least(0), "optimiser steps");
    field("epochs", o.epochs, at_least(0), "epochs");
    field("seconds", o.seconds, at_least(0), "seconds of training");
    field("val", o.val, {}, "validation metrics");
    field("test", o.test, {}, "test metrics");
    field("error", o.error, {}, "why it failed");
  }
};

/// All that a search needs to go on after it was stopped.
struct TuneState {
  Json config = Json::object(), space = Json::object();
  int64_t rungs = 3, reduction = 3;
  std::vector<Trial> trials = {};

  static void fields(auto& o, auto& field) {
    field("config", o.config, {}, "the resolved config, without output");
    field("space", o.space, {}, "what is searched");
    field("rungs", o.rungs, between(1, 20), "how often the trials are halved, and once more");
    field("reduction", o.reduction, between(2, 100), "one of so many trials rises");
    field("trials", o.trials, {}, "what was tried");
  }
};

/// The state in a folder. Throws CheckpointError for a file that is none, and for a trial whose values or
/// scores are not those of the state's space and rungs.
TuneState read_tune_state(const std::filesystem::path& folder);
void write_tune_state(const std::filesystem::path& folder, const TuneState& state);

/// "model.d_model 64, training.learning_rate 0.001"
std::string values_text(const Json& values);

/// {"trial", "values", "share", "epochs", "score", "val", "test", "seconds", "run_dir"[, "error"]}; null
/// where there is no such number. number: 1 is the first.
Json trial_json(const Trial& trial, std::size_t number, double share, const std::filesystem::path& folder);

/// The folder of a trial below that of its search. number: 1 is the first.
std::filesystem::path trial_folder(const std::filesystem::path& search, std::size_t number);

/// report.html of a search. result: as tune() returns it; config: the best trial's.
std::string tune_report(const Json& result, const Json& config);

}  // namespace arzoo::tasks
