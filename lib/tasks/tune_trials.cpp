#include "tasks/tune_trials.h"

#include <algorithm>

#include "core/atomic_file.h"
#include "core/display_text.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "trials.json";

bool are_metrics(const Json& metrics) {
  return std::all_of(metrics.begin(), metrics.end(), [](const Json& value) { return value.is_number(); });
}

/// Whether a trial is one of the state's search, as far as it can be seen.
bool fits(const Trial& trial, const TuneState& state) {
  if (trial.values.size() != state.space.size()) return false;
  for (const auto& [key, values] : state.space.items())
    if (!trial.values.contains(key)) return false;
  return static_cast<int64_t>(trial.scores.size()) <= state.rungs && are_metrics(trial.val) &&
         are_metrics(trial.test) && (trial.scores.empty() || !trial.val.empty());
}

}  // namespace

TuneState read_tune_state(const fs::path& folder) {
  const auto file = folder / kFile;
  if (!fs::exists(file))
    fail<CheckpointError>("{}: is missing: the run there is no search (arzoo train --resume continues it)",
                          file.string());
  try {
    auto state = Config::load(file).as<TuneState>();
    for (std::size_t trial = 0; trial < state.trials.size(); ++trial)
      if (!fits(state.trials[trial], state))
        fail<ConfigError>("{}: /trials/{}: is no trial of this space and these rungs", file.string(), trial);
    return state;
  } catch (const ConfigError& error) {
    fail<CheckpointError>("{}", error.what());
  }
}

void write_tune_state(const fs::path& folder, const TuneState& state) {
  write_atomically(folder / kFile, dump_json(to_json(state), 2) + "\n");
}

std::string values_text(const Json& values) {
  std::string text;
  for (const auto& [key, value] : values.items()) {
    const auto shown = value.is_string()         ? value.get<std::string>()
                       : value.is_number_float() ? short_number(value.get<double>())
                                                 : dump_json(value);
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key, shown);
  }
  return text;
}

Json trial_json(const Trial& trial, std::size_t number, double share, const fs::path& folder) {
  Json json{{"trial", number},          {"values", trial.values},    {"share", share},
            {"epochs", trial.epochs},   {"steps", trial.steps},      {"score", nullptr},
            {"scores", trial.scores},   {"val", trial.val},          {"test", trial.test},
            {"seconds", trial.seconds}, {"run_dir", folder.string()}};
  if (!trial.scores.empty()) json["score"] = trial.score();
  if (!trial.error.empty()) json["error"] = trial.error;
  return json;
}

fs::path trial_folder(const fs::path& search, std::size_t number) {
  return search / fmt::format("trial_{:03}", number);
}

}  // namespace arzoo::tasks
