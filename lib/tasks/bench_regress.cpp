#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "core/atomic_file.h"
#include "core/markdown_table.h"
#include "core/processor_name.h"
#include "core/scratch_folder.h"
#include "io/junit_file.h"
#include "plan/run_config.h"
#include "runtime/calibration.h"
#include "tasks/regress_baseline.h"
#include "tasks/run_inputs.h"
#include "tasks/speed_rounds.h"
#include "tasks/suite_results.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;

// A cell that seems slow is timed again: something else may have used the machine.
constexpr int kMostTimings = 5;
// What is stored is no single timing either.
constexpr int kStoredTimings = 3;

/// One number beside the stored one.
struct Check {
  std::string cell, what;
  std::optional<double> stored, measured;
  std::string limit, verdict;  ///< verdict: empty, or what is wrong
  double seconds = 0.0;

  /// "mse: 0.71 stored, 0.84 measured: changed by more than 0.1 %"
  std::string failure() const {
    const auto number = [](const std::optional<double>& value) {
      return value ? fmt::format("{:.7g}", *value) : std::string("nothing");
    };
    return fmt::format("{}: {} stored, {} measured: {}", what, number(stored), number(measured), verdict);
  }
};

/// The names of both lists, each once.
std::vector<std::string> names_of(const NamedNumbers& stored, const NamedNumbers& measured) {
  std::vector<std::string> names;
  for (const auto* numbers : {&stored, &measured}) {
    for (const auto& [name, value] : *numbers)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

/// What is wrong whatever the limit.
std::string absence(const Check& check) {
  if (!check.stored) return "not in the baseline (write it with --update)";
  if (!check.measured) return "stored, but no longer measured";
  return std::isfinite(*check.measured) ? "" : "not a finite number";
}

void judge_metric(Check& check, double tolerance) {
  check.limit = fmt::format("± {:g} %", 100.0 * tolerance);
  check.verdict = absence(check);
  if (!check.verdict.empty()) return;
  const double scale = *check.stored == 0.0 ? 1.0 : std::abs(*check.stored);
  if (std::abs(*check.measured - *check.stored) > tolerance * scale)
    check.verdict = fmt::format("changed by more than {:g} %", 100.0 * tolerance);
}

/// own: what is stored is of this processor.
void judge_time(Check& check, double slowdown, bool own) {
  check.limit = fmt::format("× {:g}{}", slowdown, own ? "" : " (another processor)");
  check.verdict = absence(check);
  if (check.verdict.empty() && *check.measured > slowdown * *check.stored)
    check.verdict = fmt::format("{:.2f} times as slow", *check.measured / *check.stored);
}

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Times depend on the number of threads as well.
std::string processor_here(const plan::RegressTask& task) {
  const auto device = runtime::select_compute(task.compute.device, "fp32").device;
  const auto threads = runtime::threads();
  return fmt::format("{}, {} thread{}{}", processor_name(), threads, threads == 1 ? "" : "s",
                     device.is_cuda() ? ", cuda" : "");
}

/// Compares what the cells of a suite give with what is stored.
class Regression {
 public:
  Regression(const plan::RegressTask& task, const RegressSuite& suite, Progress& progress, Stop stop)
      : task_(task), suite_(suite), progress_(progress), stop_(stop), processor_(processor_here(task)) {}

  /// Compares with what is stored, and returns what is measured.
  StoredCell run(const RegressOptions& cell, const StoredCell& stored);
  const std::vector<Check>& checks() const { return checks_; }
  const std::vector<io::JunitCase>& cases() const { return cases_; }
  const Json& skipped() const { return skipped_; }

 private:
  NamedNumbers metrics(const Json& config, const std::string& name);
  NamedNumbers times(const RegressOptions& cell, const StoredCell& stored, const Json& config);
  void note_other_processor(const RegressOptions& cell);
  double time(const std::string& cell, const Json& config, const std::string& work);
  void add(Check check);

  const plan::RegressTask& task_;
  const RegressSuite& suite_;
  Progress& progress_;
  Stop stop_;
  std::string processor_;
  bool noted_other_processor_ = false;
  runtime::CalibrationKernel kernel_;
  std::vector<Check> checks_;
  std::vector<io::JunitCase> cases_;
  Json skipped_ = Json::array();
};

/// Of the test split, or of validation where there is none.
NamedNumbers Regression::metrics(const Json& config, const std::string& name) {
  const ScratchFolder folder;
  const auto result =
      train({.compute = task_.compute, .config = config, .name = name, .out = folder.path() / "run"},
            progress_, stop_);
  NamedNumbers numbers;
  const auto& found = result["test"].empty() ? result["best"]["val"] : result["test"];
  for (const auto& [metric, value] : found.items()) numbers.emplace_back(metric, value.get<double>());
  return numbers;
}

/// How long the work takes in multiples of the calibration kernel's time: the median over the rounds.
double Regression::time(const std::string& cell, const Json& config, const std::string& work) {
  SpeedCell options;
  options.name = cell;
  options.work = work;
  const int64_t batch = work == "stream" ? 1 : config.at("training").at("batch_size").get<int64_t>();
  const auto compute = runtime::select_compute(task_.compute.device, "fp32");
  const auto timed = make_speed_work({options, cell, 0, config, batch}, compute);
  SpeedSuite rounds;
  rounds.rounds = suite_.rounds;
  rounds.round_seconds = suite_.round_seconds;
  // As long as the work, or as often if that takes less.
  const auto kernel = [&](int64_t repeat, double) -> std::optional<std::vector<double>> {
    std::vector<double> seconds;
    for (double sum = 0.0; sum < rounds.round_seconds && std::ssize(seconds) < repeat; sum += seconds.back())
      seconds.push_back(kernel_.run());
    return seconds;
  };
  progress_.begin(fmt::format("{} {}", cell, work), rounds.rounds);
  const auto times = time_in_turns(*timed, kernel, rounds, progress_, stop_);
  progress_.end();
  return quantile(times.ratios(), 0.5);
}

void Regression::add(Check check) {
  io::JunitCase junit{check.cell, check.what, check.seconds};
  if (!check.verdict.empty()) junit.failure = check.failure();
  cases_.push_back(std::move(junit));
  checks_.push_back(std::move(check));
}

void Regression::note_other_processor(const RegressOptions& cell) {
  if (std::exchange(noted_other_processor_, true) || task_.update) return;
  progress_.note(
      fmt::format("the baseline has no times of this processor ({}): they may be {:g} times those of others "
                  "(--update on an idle machine stores its own, which may be exceeded {:g} times)",
                  processor_, cell.slowdown_elsewhere, cell.slowdown));
}

NamedNumbers Regression::times(const RegressOptions& cell, const StoredCell& stored, const Json& config) {
  NamedNumbers times;
  for (const auto& work : cell.works) {
    const Stopwatch watch;
    const auto known = stored.time(processor_, work);
    const bool own = known && known->own;
    if (known && !own) note_other_processor(cell);
    Check check{cell.name, work, known ? std::optional(known->value) : std::nullopt, std::nullopt, "",
                "",        0.0};
    std::vector<double> ratios;
    const auto is_enough = [&] {
      const auto count = std::ssize(ratios);
      if (task_.update) return count == kStoredTimings;
      return count > 0 && (check.verdict.empty() || !known || count == kMostTimings);
    };
    while (!is_enough()) {
      ratios.push_back(time(cell.name, config, work));
      check.measured = quantile(ratios, 0.5);
      judge_time(check, own ? cell.slowdown : cell.slowdown_elsewhere, own);
    }
    check.seconds = watch.seconds();
    times.emplace_back(work, *check.measured);
    add(std::move(check));
  }
  return times;
}

/// What is within its tolerance stays as it was stored: recording a processor's times moves nothing else.
NamedNumbers kept_metrics(const NamedNumbers& stored, NamedNumbers measured, double tolerance) {
  for (auto& [name, value] : measured) {
    Check check{"", name, number_called(stored, name), value, "", "", 0.0};
    judge_metric(check, tolerance);
    if (check.verdict.empty()) value = *check.stored;
  }
  return measured;
}

StoredCell Regression::run(const RegressOptions& cell, const StoredCell& stored) {
  const auto path = task_.folder / cell.config;
  const auto config = plan::resolve_run_config(Config::load(path, cell.set), path.parent_path());
  if (const auto absent = first_missing(plan::input_paths(config)); !absent.empty()) {
    progress_.warn(fmt::format("{}: skipped, {}", cell.name, absence_of(absent)));
    skipped_.push_back({{"cell", cell.name}, {"missing", absent}});
    cases_.push_back({cell.name, "run", 0.0, "", absence_of(absent)});
    return stored;
  }
  progress_.note(cell.name);
  const Stopwatch watch;
  const auto found = metrics(config, path.string());
  for (const auto& metric : names_of(stored.metrics, found)) {
    Check check{
        cell.name, metric,         number_called(stored.metrics, metric), number_called(found, metric), "",
        "",        watch.seconds()};
    judge_metric(check, cell.tolerance);
    add(std::move(check));
  }
  StoredCell measured{kept_metrics(stored.metrics, found, cell.tolerance), stored.times, stored.processors};
  if (!task_.accuracy_only) measured.processors[processor_] = times(cell, stored, config);
  return measured;
}

/// An interrupted training lay in a scratch folder: there is nothing to resume.
StoredCell measured_cell(Regression& regression, const RegressOptions& cell, const Baseline& baseline) {
  try {
    return regression.run(cell, baseline.at(cell.name));
  } catch (const Interrupted&) {
    fail<Interrupted>("{}: interrupted, the baseline is unchanged", cell.name);
  }
}

Cell cell_of(const std::optional<double>& value) { return value ? Cell(*value) : Cell(); }

Table check_table(const std::vector<Check>& checks, bool updated) {
  Table table({"cell", "what", {"stored", 6}, {"measured", 6}, {"change %", 3}, "limit", "result"});
  for (const auto& check : checks) {
    Cell change;
    if (check.stored && check.measured && *check.stored != 0.0)
      change = 100.0 * (*check.measured / *check.stored - 1.0);
    table.add({check.cell, check.what, cell_of(check.stored), cell_of(check.measured), change, check.limit,
               updated                 ? "stored"
               : check.verdict.empty() ? "pass"
                                       : "FAIL: " + check.verdict});
  }
  return table;
}

/// The task's suite, of its cells those whose name contains one of task.only, all when there is none.
RegressSuite wanted_suite(const plan::RegressTask& task) {
  auto json = task.suite.json();
  if (json.is_object()) json.erase("$schema");
  auto suite = Config(std::move(json), task.suite.name(), task.suite.pointer()).as<RegressSuite>();
  std::erase_if(suite.cells, [&](const auto& cell) { return !is_wanted(task.only, cell.name); });
  if (suite.cells.empty()) fail_unwanted(task.suite, task.only);
  return suite;
}

}  // namespace

Json regress(const plan::RegressTask& task, Progress& progress, Stop stop) {
  const auto suite = wanted_suite(task);
  Baseline baseline(task.baseline, !task.update);
  if (task.dry_run) {
    Json names = Json::array();
    for (const auto& cell : suite.cells) names.push_back(cell.name);
    return {{"plan", {{"cells", names}, {"baseline", task.baseline.string()}, {"out", task.out.string()}}}};
  }
  runtime::select_compute(task.compute.device, "fp32");
  runtime::set_threads(task.compute.threads);
  Regression regression(task, suite, progress, stop);
  for (const auto& cell : suite.cells) {
    const auto measured = measured_cell(regression, cell, baseline);
    if (task.update) baseline.store(cell.name, measured);
  }
  if (task.update) baseline.write();
  const auto& checks = regression.checks();
  const auto failed =
      std::count_if(checks.begin(), checks.end(), [](const auto& check) { return !check.verdict.empty(); });
  const auto table = check_table(checks, task.update);
  Json result{{"title", task.suite.has("title") ? task.suite.text("title") : task.suite.name()},
              {"rows", to_json(table)},
              {"checks", checks.size()},
              {"failed", task.update ? 0 : failed},
              {"skipped", regression.skipped()},
              {"updated", task.update},
              {"markdown", to_markdown(table)}};
  write_suite_results(task.out, result, table);
  write_atomically(task.out / "junit.xml",
                   io::to_junit(result["title"].get<std::string>(), regression.cases()));
  return result;
}

}  // namespace arzoo::tasks
