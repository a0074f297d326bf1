#include <chrono>

#include "core/atomic_file.h"
#include "core/run_dir.h"
#include "plan/run_config.h"
#include "tasks/tasks.h"
#include "tasks/tune_trials.h"
#include "tasks/tuner.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;
using Clock = Tuner::Clock;

/// The state to go on from: that in the folder, which must be of the same search, or a new one.
TuneState state_of(const plan::TuneTask& task, const RunDir& run) {
  TuneState fresh;
  fresh.config = plan::resolve_run_config(task.config, task.folder);
  fresh.config.erase("output");
  fresh.space = task.space.json();
  fresh.rungs = task.rungs;
  fresh.reduction = task.reduction;
  if (!task.resume) return fresh;
  auto saved = read_tune_state(run.last());
  const auto require_same = [&](bool same, const char* what) {
    if (!same)
      fail<UsageError>(
          "{}: {} differs from that of the search in {} (give the same, or another folder with --out)",
          task.config.name(), what, run.path().string());
  };
  require_same(saved.config == fresh.config, "the config");
  require_same(saved.space == fresh.space, "the space");
  require_same(saved.rungs == fresh.rungs && saved.reduction == fresh.reduction, "--rungs or --reduction");
  return saved;
}

/// What the config alone would be trained as, and what is searched.
Json tune_plan(const plan::TuneTask& task, Progress& progress, Stop stop) {
  plan::TrainTask training;
  training.compute = task.compute;
  training.name = task.config.name();
  training.config = plan::resolve_run_config(task.config, task.folder);
  training.out = task.out;
  training.dry_run = true;
  auto plan = train(training, progress, stop);
  auto& plan_json = plan.at("plan");
  plan_json["run_dir"] = task.out.string();
  const SuccessiveHalving halving(static_cast<int>(task.rungs), static_cast<int>(task.reduction));
  for (int rung = 0; rung < halving.rungs(); ++rung) plan_json["shares"].push_back(halving.share(rung));
  if (task.trials) plan_json["trials"] = *task.trials;
  if (task.time_limit) plan_json["time_limit"] = *task.time_limit;
  plan_json["space"] = task.space.json();
  return plan;
}

}  // namespace

Json tune(const plan::TuneTask& task, Progress& progress, Stop stop) {
  if (task.dry_run) return tune_plan(task, progress, stop);
  const auto start = Clock::now();
  const auto seconds = std::chrono::duration<double>(task.time_limit.value_or(1e8));
  const auto run = RunDir::create(task.out, task.resume ? IfExists::resume : IfExists::fail);
  auto state = state_of(task, run);
  run.write_config(config_of(task, Json::object(), task.out));
  run.save_last([&](const fs::path& folder) { write_tune_state(folder, state); });
  Tuner tuner(task, run, std::move(state), progress, stop,
              start + std::chrono::duration_cast<Clock::duration>(seconds));
  const auto why = tuner.search();
  progress.end();
  auto result = tuner.finish(why);
  result["seconds"] = std::chrono::duration<double>(Clock::now() - start).count();
  const auto best = tuner.best_config();
  write_atomically(task.out / "best.json", dump_json(best, 2) + "\n");
  write_atomically(task.out / "trials.json", dump_json(result, 2) + "\n");
  run.write_report(tune_report(result, best));
  return result;
}

}  // namespace arzoo::tasks
