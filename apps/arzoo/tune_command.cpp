#include <CLI/CLI.hpp>
#include <algorithm>

#include "commands.h"
#include "core/display_text.h"
#include "help_format.h"
#include "path_checks.h"
#include "plan/run_config.h"
#include "plan/search_space.h"
#include "result_summary.h"
#include "task_run.h"
#include "text_table.h"
#include "value_checks.h"

namespace arzoo::cli {
namespace {

constexpr double kMostSeconds = 1e8;  // three years
constexpr int64_t kMostTrials = 10'000, kMostRungs = 10, kMostReduction = 100;

struct TuneFlags {
  fs::path config, space;
  std::vector<std::string> overrides;
  std::optional<fs::path> out;
  std::optional<double> time_limit;
  std::optional<int64_t> trials;
  int64_t rungs = 3, reduction = 3;
  bool resume = false;
};

plan::TuneTask tune_task(const Invocation& invocation, const TuneFlags& flags) {
  require_name(flags.config, "tune", "a JSON file");
  require_name(flags.space, "tune: --search", "a JSON file");
  if (!flags.time_limit && !flags.trials)
    fail<UsageError>("tune: a limit is missing, expected --time-limit SECONDS, --trials N or both");
  auto overrides = flags.overrides;
  if (invocation.compute.seed) overrides.push_back(fmt::format("seed={}", *invocation.compute.seed));
  auto config = Config::load(flags.config, overrides);
  const auto resolved = plan::resolve_run_config(config, flags.config.parent_path());
  registry::require_command(config, "train");
  auto space = Config::load(flags.space);
  plan::SearchSpace(space, registry::find_model(config.at("model").at("name")));
  const auto out = flags.out.value_or(resolved.at("output").get<std::string>() + "_tune");
  require_output_folder(out, "tune: --out");
  plan::TuneTask task{invocation.compute, std::move(config), flags.config.parent_path(), std::move(space),
                      out};
  task.time_limit = flags.time_limit;
  task.trials = flags.trials;
  task.rungs = flags.rungs;
  task.reduction = flags.reduction;
  task.resume = flags.resume;
  task.dry_run = invocation.dry_run;
  return task;
}

std::string value_shown(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_float() ? short_number(value.get<double>()) : dump_json(value);
}

/// The trials with the least score first, those that failed last.
std::vector<const Json*> ranked(const Json& trials) {
  std::vector<const Json*> order;
  for (const auto& trial : trials) order.push_back(&trial);
  const auto key = [](const Json* trial) {
    const bool failed = trial->contains("error") || !trial->at("score").is_number();
    return std::pair(failed, failed ? 0.0 : trial->at("score").get<double>());
  };
  std::stable_sort(order.begin(), order.end(), [&](const Json* a, const Json* b) { return key(a) < key(b); });
  return order;
}

std::string trials_text(const Json& result) {
  constexpr std::size_t kMostTrialsShown = 20;
  const auto trials = ranked(result.at("trials"));
  std::vector<Column> columns{
      "trial", "val " + result.at("metric").get<std::string>(), "trained", "steps", {"seconds", 1}};
  for (const auto& [key, value] : trials.front()->at("values").items()) columns.emplace_back(key);
  Table table(columns);
  for (std::size_t i = 0; i < std::min(trials.size(), kMostTrialsShown); ++i) {
    const auto& trial = *trials[i];
    const auto& score = trial.at("score");
    std::vector<Cell> row{
        trial.at("trial").get<int64_t>(), score.is_number() ? Cell(score.get<double>()) : Cell(),
        trial.contains("error") ? std::string("failed")
                                : fmt::format("{:.0f}%", 100.0 * trial.at("share").get<double>()),
        trial.at("steps").get<int64_t>(), trial.at("seconds").get<double>()};
    for (const auto& [key, value] : trial.at("values").items()) row.emplace_back(value_shown(value));
    table.add(std::move(row));
  }
  auto text = aligned(table);
  if (trials.size() > kMostTrialsShown)
    text += fmt::format("and {} more (--json)\n", trials.size() - kMostTrialsShown);
  return text;
}

std::string tune_summary(const Json& result) {
  const auto& best = result.at("best");
  const auto folder = fs::path(result.at("run_dir").get<std::string>());
  std::vector<std::pair<std::string, std::string>> rows{
      {"ended", fmt::format("{}, after {}", result.at("stopped").get<std::string>(),
                            short_duration(result.at("seconds").get<double>()))},
      {"best", fmt::format("trial {}, val {} {}", best.at("trial").get<int64_t>(),
                           result.at("metric").get<std::string>(), value_shown(best.at("score")))}};
  std::string test;
  for (const auto& [metric, value] : best.at("test").items())
    test += fmt::format("{}{} {}", test.empty() ? "" : ", ", metric, value_shown(value));
  if (!test.empty()) rows.emplace_back("test", test);
  rows.emplace_back("model", folder.string());
  rows.emplace_back("config", (folder / "best.json").string());
  return trials_text(result) + '\n' + labelled(rows);
}

}  // namespace

void add_tune_command(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand("tune", "Search a config's values for the best validation metric.");
  command->formatter(std::make_shared<HelpFormat>("CONFIG.json --search SPACE.json --time-limit SECONDS"));
  auto flags = std::make_shared<TuneFlags>();
  command
      ->add_option("CONFIG.json", flags->config,
                   "a config of arzoo train; its own values are the first trial")
      ->type_name("CONFIG.json")
      ->required();
  command
      ->add_option("--search", flags->space,
                   "what to search: the config's dotted keys, each with a list of values or a range "
                   "{\"low\", \"high\", \"log\", \"step\"}")
      ->type_name("SPACE.json")
      ->required();
  command->add_option("--time-limit", flags->time_limit, "seconds after which the search ends")
      ->type_name("SECONDS")
      ->check(real_number(1.0, kMostSeconds));
  command->add_option("--trials", flags->trials, "values to try at most")
      ->type_name("N")
      ->check(whole_number(1, kMostTrials));
  command
      ->add_option("--rungs", flags->rungs,
                   "stages of the halving; the last one trains to the end, 1 trains every trial to the end")
      ->type_name("N")
      ->default_str("3")
      ->check(whole_number(1, kMostRungs));
  command
      ->add_option("--reduction", flags->reduction,
                   "one of so many trials goes on to the next stage, which trains it so many times as long")
      ->type_name("N")
      ->default_str("3")
      ->check(whole_number(2, kMostReduction));
  command
      ->add_option("--set", flags->overrides,
                   "replace one value of the config, as in training.epochs=2; repeatable")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--resume", flags->resume, "go on with the search in the folder and its finished trials");
  command
      ->add_option("--out", flags->out, "folder of the search, the config's \"output\" with _tune by default")
      ->type_name("DIR");
  add_shared_options(*command, invocation);
  command->footer(
      "example:\n  arzoo tune configs/forecast/itransformer_weather.json --search "
      "\\\n    configs/search/itransformer.json --time-limit 600");
  on_chosen(*command, invocation, [flags, &invocation] {
    const auto task = tune_task(invocation, *flags);
    return run_task(invocation, &plan::TaskTable::tune, task, task.dry_run ? plan_summary : tune_summary);
  });
}

}  // namespace arzoo::cli
