#include "tasks/tuner.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/display_text.h"
#include "core/inner_progress.h"
#include "plan/run_config.h"
#include "registry/catalog.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;

/// Draws in a row that the config's checks refuse, or that came before, after which a space has no more.
constexpr int64_t kMostDraws = 1000;
/// Trials in a row from the first on that may fail before the search gives up.
constexpr std::size_t kMostFailures = 5;
/// What is added to the time that finishing the best trial is expected to take.
constexpr double kMargin = 1.2;

/// The value of a dotted key.
const Json& value_at(const Json& config, std::string key) {
  std::replace(key.begin(), key.end(), '.', '/');
  return config.at(Json::json_pointer("/" + key));
}

}  // namespace

Json config_of(const plan::TuneTask& task, const Json& values, const fs::path& out) {
  const Config changed =
      Config::parse(dump_json(task.config.json()), task.config.name(), plan::overrides_of(values));
  auto config = plan::resolve_run_config(changed, task.folder);
  config["output"] = out.string();
  return config;
}

Tuner::Tuner(const plan::TuneTask& task, const RunDir& run, TuneState state, Progress& progress, Stop command,
             Clock::time_point end)
    : task_(task),
      space_(task.space, registry::find_model(task.config.at("model").at("name"))),
      run_(run),
      state_(std::move(state)),
      halving_(static_cast<int>(task.rungs), static_cast<int>(task.reduction)),
      progress_(progress),
      command_(command),
      end_(end),
      deadline_(end, command) {
  for (std::size_t trial = 0; trial < state_.trials.size(); ++trial) {
    int rung = 0;
    for (const double score : state_.trials[trial].scores) halving_.finish({trial, rung++}, score);
    if (!state_.trials[trial].error.empty()) halving_.finish({trial, rung}, std::nan(""));
  }
}

std::string Tuner::search() {
  // Its bar has the trainings' bars within it.
  progress_.begin("search", 0);
  while (true) {
    if (command_.load()) fail<Interrupted>("interrupted, all trials are kept (continue with --resume)");
    if (is_over()) return "time limit";
    const auto [job, why] = next_job();
    if (!job) return why;
    try {
      train(*job);
    } catch (const Interrupted&) {
      if (command_.load())
        fail<Interrupted>("interrupted in trial {}, all trials are kept (continue with --resume)",
                          job->trial + 1);
      forget_new(*job);
      return "time limit";
    }
    run_.save_last([&](const fs::path& folder) { write_tune_state(folder, state_); });
    progress_.step();
    require_some_success();
  }
}

Json Tuner::finish(const std::string& why) {
  const auto best = halving_.best();
  if (!best) fail_without_best(why);
  Json result{{"run_dir", task_.out.string()}, {"metric", metric_}, {"stopped", why}};
  if (metric_.empty()) result["metric"] = state_.trials[*best].val.begin().key();
  for (int rung = 0; rung < halving_.rungs(); ++rung) result["shares"].push_back(halving_.share(rung));
  for (std::size_t trial = 0; trial < state_.trials.size(); ++trial)
    result["trials"].push_back(json_of(trial));
  result["best"] = json_of(*best);
  result["refused"] = last_draw() + 1 - static_cast<int64_t>(state_.trials.size());
  run_.save_model([&](const fs::path& folder) {
    fs::copy(trial_folder(task_.out, *best + 1) / "model", folder,
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  });
  const auto config = config_of(task_, state_.trials[*best].values, task_.out);
  run_.write_config(config);
  return result;
}

Json Tuner::best_config() const {
  const auto output = task_.config.has("output") ? task_.config.text("output") : task_.out.string() + "_best";
  return config_of(task_, state_.trials[halving_.best().value()].values, output);
}

Json Tuner::json_of(std::size_t trial) const {
  const auto& one = state_.trials[trial];
  const double share = one.scores.empty() ? 0.0 : halving_.share(static_cast<int>(one.scores.size()) - 1);
  return trial_json(one, trial + 1, share, trial_folder(task_.out, trial + 1));
}

std::pair<std::optional<Tuner::Job>, std::string> Tuner::next_job() {
  if (must_finish_best()) {
    const auto left = halving_.completion();
    return {left, left ? "" : "time limit"};
  }
  if (const auto job = halving_.promotion()) return {job, ""};
  std::string why = "trials";
  if (!task_.trials || static_cast<int64_t>(state_.trials.size()) < *task_.trials) {
    if (auto trial = new_trial()) {
      state_.trials.push_back(std::move(*trial));
      return {halving_.start(), ""};
    }
    why = "no more values in the space";
  }
  return {halving_.completion(), why};
}

bool Tuner::must_finish_best() const {
  const auto best = halving_.best();
  if (!task_.time_limit || !best) return false;
  double seconds = 0.0, shares = 0.0;
  for (const auto& trial : state_.trials) {
    if (trial.scores.empty()) continue;
    seconds += trial.seconds;
    shares += halving_.share(static_cast<int>(trial.scores.size()) - 1);
  }
  const auto& trial = state_.trials[*best];
  const double share = halving_.share(static_cast<int>(trial.scores.size()) - 1);
  const double to_end = trial.seconds / share * (1.0 - share),
               first_rung = seconds / shares * halving_.share(0);
  return to_end > 0.0 && seconds_left() < kMargin * (to_end + first_rung);
}

std::optional<Trial> Tuner::new_trial() const {
  for (int64_t draw = last_draw() + 1; draw <= last_draw() + kMostDraws; ++draw) {
    Trial trial;
    trial.draw = draw;
    if (draw == 0) {
      for (const auto& dimension : space_.dimensions())
        trial.values[dimension.key] = value_at(state_.config, dimension.key);
      return trial;
    }
    trial.values = space_.draw(state_.config.at("seed").get<int64_t>(), draw);
    const bool is_new = std::none_of(state_.trials.begin(), state_.trials.end(),
                                     [&](const Trial& other) { return other.values == trial.values; });
    if (!is_new) continue;
    try {
      config_of(task_, trial.values, task_.out);
      return trial;
    } catch (const ConfigError& error) {
      progress_.detail(fmt::format("not possible: {}: {}", values_text(trial.values), error.what()));
    }
  }
  return std::nullopt;
}

void Tuner::train(const Job& job) {
  auto& trial = state_.trials[job.trial];
  const auto number = job.trial + 1;
  const auto folder = trial_folder(task_.out, number);
  plan::TrainTask training;
  training.compute = task_.compute;
  training.name = task_.config.name();
  training.config = config_of(task_, trial.values, folder);
  training.out = folder;
  training.resume = fs::exists(folder / "last");
  training.share = halving_.share(job.rung);
  if (!training.resume) fs::remove_all(folder);  // killed before its state was first saved
  InnerProgress progress(progress_);
  try {
    const auto result = tasks::train(training, progress, deadline_.over());
    take(trial, result);
    halving_.finish(job, trial.score());
    say(number, trial);
  } catch (const ConfigError& error) {
    take_failure(job, error.what());
  } catch (const SystemFailure& error) {
    take_failure(job, error.what());
  }
}

void Tuner::take(Trial& trial, const Json& result) {
  const auto& val = result.at("best").at("val");
  if (val.empty())
    fail<DataError>("{}: validates nothing, a search needs a validation metric (leave data for validation)",
                    task_.config.name());
  metric_ = val.begin().key();
  trial.val = val;
  trial.test = result.at("test");
  trial.steps = result.at("steps").get<int64_t>();
  trial.epochs = result.at("epochs").get<int64_t>();
  trial.seconds += result.at("seconds").get<double>();
  trial.scores.push_back(val.begin().value().get<double>());
}

void Tuner::take_failure(const Job& job, const char* why) {
  auto& trial = state_.trials[job.trial];
  trial.error = why;
  halving_.finish(job, std::nan(""));
  progress_.warn(fmt::format("trial {} ({}) failed: {}", job.trial + 1, values_text(trial.values), why));
}

void Tuner::say(std::size_t number, const Trial& trial) {
  const bool best = halving_.best() == number - 1;
  progress_.note(fmt::format("trial {} ({}): {} {} after {} steps{}", number, values_text(trial.values),
                             metric_, short_number(trial.score()), trial.steps, best ? ", best so far" : ""));
}

void Tuner::forget_new(const Job& job) {
  if (state_.trials[job.trial].scores.empty()) state_.trials.pop_back();
}

void Tuner::require_some_success() const {
  if (!halving_.best() && state_.trials.size() >= kMostFailures) fail_without_best("failures");
}

void Tuner::fail_without_best(const std::string& why) const {
  if (state_.trials.empty())
    fail<UsageError>(
        "{}: no trial reached the end of its first rung, {} of the training, within the {} "
        "(continue with --resume and a larger one)",
        task_.out.string(), short_number(halving_.share(0)), why);
  fail<ConfigError>("{}: none of {} trials could be trained; the first: {}", task_.config.name(),
                    state_.trials.size(), state_.trials.front().error);
}

}  // namespace arzoo::tasks
