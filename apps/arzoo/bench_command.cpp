#include <CLI/CLI.hpp>

#include "commands.h"
#include "parity_cases.h"
#include "path_checks.h"
#include "result_summary.h"
#include "shard_option.h"
#include "task_run.h"

namespace arzoo::cli {
namespace {

/// What the commands share that run a suite.
struct SuiteFlags {
  fs::path suite;
  std::optional<fs::path> out;
  std::vector<std::string> only, overrides;
  bool profile = false;                         ///< of the command that has --profile
  std::shared_ptr<std::optional<Share>> share;  ///< of the command that has --shard
};

std::shared_ptr<SuiteFlags> add_suite_options(CLI::App& command, Invocation& invocation) {
  auto flags = std::make_shared<SuiteFlags>();
  command.add_option("SUITE.json", flags->suite, "what to measure")->type_name("SUITE.json")->required();
  command.add_option("--out", flags->out, "folder of the results, runs/bench/SUITE by default")
      ->type_name("DIR");
  command.add_option("--only", flags->only, "only cells whose name contains this text; repeatable")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  command.add_option("--set", flags->overrides, "replace one value of the suite; repeatable")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  add_shared_options(command, invocation);
  return flags;
}

/// A TableTask, a SpeedTask or a RegressTask of the command that is so called.
template <class Task>
Task suite_task(const Invocation& invocation, const SuiteFlags& flags, const std::string& command) {
  require_name(flags.suite, "bench " + command, "a JSON file");
  const auto out = flags.out.value_or(fs::path("runs") / "bench" / flags.suite.stem());
  require_output_folder(out, "--out");
  auto overrides = flags.overrides;
  if (flags.profile) overrides.emplace_back("profile=true");
  return {
      invocation.compute, Config::load(flags.suite, overrides), flags.suite.parent_path(), out, flags.only,
      invocation.dry_run};
}

template <class Task>
void run_suite_when_chosen(CLI::App& command, Invocation& invocation, TaskFunction<Task> function) {
  const auto flags = add_suite_options(command, invocation);
  if constexpr (std::is_same_v<Task, plan::SpeedTask>)
    command.add_flag("--profile", flags->profile, "also where the time goes, by kind of operation");
  if constexpr (std::is_same_v<Task, plan::TableTask>) flags->share = add_shard_option(command, "cells");
  on_chosen(command, invocation, [flags, &invocation, function, name = command.get_name()] {
    auto task = suite_task<Task>(invocation, *flags, name);
    if constexpr (requires { task.share; }) {
      task.share = shard_of(*flags->share, invocation);
      task.compute = invocation.compute;
    }
    return run_task(invocation, function, task, invocation.dry_run ? plan_summary : suite_summary);
  });
}

void add_parity(CLI::App& bench, Invocation& invocation) {
  auto* parity = bench.add_subcommand(
      "parity", "Replay fixture folders of the official implementations and compare every output.");
  auto folders = std::make_shared<std::vector<fs::path>>();
  parity->add_option("DIR", *folders, "fixture folders, or folders that contain them")
      ->type_name("DIR")
      ->required();
  add_shared_options(*parity, invocation);
  parity->footer("example:\n  arzoo bench parity tests/fixtures/forecast");
  on_chosen(*parity, invocation, [folders, &invocation] {
    if (invocation.compute.dtype != "fp32")
      fail<UsageError>("bench parity: --dtype {}: the official outputs are compared in fp32",
                       invocation.compute.dtype);
    plan::ParityTask task{invocation.compute, find_parity_cases(*folders), invocation.verbose};
    if (invocation.dry_run) {
      print_result(invocation, {{"plan", {{"cases", parity_case_names(task.folders)}}}}, plan_summary);
      return ExitCode::ok;
    }
    return run_task(invocation, &plan::TaskTable::parity, task, parity_summary);
  });
}

void add_regress(CLI::App& bench, Invocation& invocation) {
  auto* regress = bench.add_subcommand(
      "regress", "Compare accuracy and speed with a stored baseline; exit code 4 when they got worse.");
  struct Flags {
    fs::path baseline;
    bool accuracy_only = false, update = false;
  };
  const auto own = std::make_shared<Flags>();
  const auto flags = add_suite_options(*regress, invocation);
  regress->add_option("--baseline", own->baseline, "stored measurements, by the names of the suite's cells")
      ->type_name("FILE.json")
      ->required();
  regress->add_flag("--accuracy-only", own->accuracy_only, "measure accuracy, no times");
  regress->add_flag("--update", own->update, "store the measurements in the baseline");
  regress->footer(
      "example:\n  arzoo bench regress configs/bench/regress_icl.json --baseline "
      "configs/bench/baselines/icl.json");
  on_chosen(*regress, invocation, [flags, own, &invocation] {
    if (invocation.compute.seed) {
      fail<UsageError>(
          "bench regress: --seed {}: the baseline's numbers belong to the seeds of the suite's configs",
          *invocation.compute.seed);
    }
    auto task = suite_task<plan::RegressTask>(invocation, *flags, "regress");
    task.baseline = own->baseline;
    task.accuracy_only = own->accuracy_only;
    task.update = own->update;
    return run_task(invocation, &plan::TaskTable::regress, task,
                    invocation.dry_run ? plan_summary : suite_summary);
  });
}

void add_report(CLI::App& bench, Invocation& invocation) {
  auto* report = bench.add_subcommand(
      "report", "One HTML page of all runs and suites' results below some folders, readable offline.");
  auto task = std::make_shared<plan::ReportTask>();
  report->add_option("DIR", task->folders, "run directories, results of suites, or folders that contain them")
      ->type_name("DIR")
      ->required();
  report->add_option("--output", task->output, "the page")
      ->type_name("FILE.html")
      ->default_str("report.html");
  task->output = "report.html";
  add_shared_options(*report, invocation);
  report->footer("example:\n  arzoo bench report runs --output report.html");
  on_chosen(*report, invocation, [task, &invocation] {
    require_output_file(task->output, {}, "bench report: --output");
    if (invocation.dry_run) {
      print_result(invocation, {{"plan", {{"output", task->output.string()}}}}, plan_summary);
      return ExitCode::ok;
    }
    return run_task(invocation, &plan::TaskTable::report, *task, suite_summary);
  });
}

}  // namespace

void add_bench_command(CLI::App& root, Invocation& invocation) {
  auto* bench = root.add_subcommand(
      "bench", "Compare with published tables, official outputs, and this machine's limits.");
  bench->require_subcommand(1);
  auto* table = bench->add_subcommand(
      "table", "Train or evaluate the models of a paper's table and compare with the published numbers.");
  table->footer("example:\n  arzoo bench table configs/bench/ett.json --only etth1");
  run_suite_when_chosen(*table, invocation, &plan::TaskTable::table);
  auto* speed = bench->add_subcommand(
      "speed", "Measure throughput, latency and memory, compared with this machine's peak.");
  speed->footer("example:\n  arzoo bench speed configs/bench/speed_forecast.json --threads 2");
  run_suite_when_chosen(*speed, invocation, &plan::TaskTable::speed);
  add_parity(*bench, invocation);
  add_regress(*bench, invocation);
  add_report(*bench, invocation);
}

}  // namespace arzoo::cli
