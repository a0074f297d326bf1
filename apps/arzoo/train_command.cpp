#include <CLI/CLI.hpp>

#include "commands.h"
#include "launched_ranks.h"
#include "path_checks.h"
#include "plan/run_config.h"
#include "result_summary.h"
#include "task_run.h"
#include "value_checks.h"

namespace arzoo::cli {
namespace {

struct TrainFlags {
  fs::path config;
  std::vector<std::string> overrides;
  std::optional<std::string> out;
  bool resume = false;
  bool init_only = false;
  double join_timeout = Ranks().timeout;
  std::optional<int64_t> world_size;
  std::string hardware = "h100";
};

plan::TrainTask checked_task(const Invocation& invocation, const TrainFlags& flags,
                             const std::string& command) {
  require_name(flags.config, command, "a JSON file");
  const auto config = Config::load(flags.config, flags.overrides);
  plan::TrainTask task;
  task.compute = invocation.compute;
  task.name = flags.config.string();
  task.config = plan::resolve_run_config(config, flags.config.parent_path());
  task.notes = plan::old_keys(config);
  registry::require_command(config, command);
  if (invocation.compute.seed) task.config["seed"] = *invocation.compute.seed;
  if (flags.out) task.config["output"] = *flags.out;
  task.out = task.config["output"].get<std::string>();
  if (task.out.empty()) fail<ConfigError>("{}: /output: expected the name of a folder, got \"\"", task.name);
  task.resume = flags.resume;
  task.init_only = flags.init_only;
  task.dry_run = invocation.dry_run;
  task.world_size = flags.world_size;
  if (flags.world_size)
    task.hardware = plan::find_hardware(flags.hardware, invocation.compute.dtype.ends_with("16"));
  if (task.world_size && !task.dry_run)
    fail<UsageError>("{}: --world-size is of the plan (add --dry-run; arzoo launch starts processes)",
                     command);
  return task;
}

/// The config at once, before LibTorch is opened for the plan; one document for both with --json.
ExitCode show_plan(const Invocation& invocation, const plan::TrainTask& task) {
  if (!invocation.json) write_stdout(json_text(task.config));
  Json document{{"config", task.config}};
  document.update(result_of(invocation, &plan::TaskTable::train, task));
  print_result(invocation, document, plan_summary);
  return ExitCode::ok;
}

/// What sets the two commands that train apart.
struct TrainingCommand {
  std::string name, help, config_help, footer;
};

/// Declares one of them: both train a model of a config into a run directory, with the same options.
void add_training_command(CLI::App& root, Invocation& invocation, const TrainingCommand& kind) {
  auto* command = root.add_subcommand(kind.name, kind.help);
  auto flags = std::make_shared<TrainFlags>();
  command->add_option("CONFIG.json", flags->config, kind.config_help)->type_name("CONFIG.json")->required();
  command
      ->add_option("--set", flags->overrides,
                   "replace one value of the config, as in training.epochs=2; repeatable")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--resume", flags->resume, "resume the run in the run directory, bit for bit");
  command
      ->add_flag("--init-only", flags->init_only,
                 "save the model before its first training step, in --dtype, and stop")
      ->excludes("--resume");
  command->add_option("--out", flags->out, "run directory, instead of the config's \"output\"")
      ->type_name("DIR");
  command
      ->add_option(
          "--join-timeout", flags->join_timeout,
          "seconds that several processes (arzoo launch) wait for one another at the start, 300 by default")
      ->type_name("SECONDS")
      ->check(real_number(0.1, 1e6));
  command->add_option("--world-size", flags->world_size, "with --dry-run: plan for so many processes")
      ->type_name("N")
      ->check(whole_number(1, 1 << 20));
  command
      ->add_option("--hardware", flags->hardware,
                   "with --world-size: h100 (default), h200, or a JSON file with the rates of another one")
      ->type_name("NAME")
      ->needs("--world-size");
  add_shared_options(*command, invocation);
  command->footer(kind.footer);
  on_chosen(*command, invocation, [flags, &invocation, name = kind.name] {
    invocation.compute.ranks = launched_ranks();
    invocation.compute.ranks.timeout = flags->join_timeout;
    if (!invocation.compute.ranks.alone()) prepare_to_join();
    const auto task = checked_task(invocation, *flags, name);
    if (task.dry_run) return show_plan(invocation, task);
    if (task.init_only) return run_task(invocation, &plan::TaskTable::train, task, initial_model_summary);
    return run_task(invocation, &plan::TaskTable::train, task, train_summary);
  });
}

}  // namespace

void add_train_command(CLI::App& root, Invocation& invocation) {
  add_training_command(
      root, invocation,
      {.name = "train",
       .help = "Train a model and evaluate its best checkpoint on the test split.",
       .config_help = "model, data and training; `arzoo models NAME --config` prints one",
       .footer =
           "example:\n  arzoo train configs/forecast/itransformer_weather.json --set training.epochs=2"});
}

void add_distill_command(CLI::App& root, Invocation& invocation) {
  add_training_command(
      root, invocation,
      {.name = "distill",
       .help = "Train a student that generates in one step what its teacher generates in many.",
       .config_help = "student, teacher and training; `arzoo models NAME --config` prints one",
       .footer = "example:\n  arzoo distill configs/distill/dd2_var_fashion.json --out runs/one_step"});
}

}  // namespace arzoo::cli
