#include <CLI/CLI.hpp>
#include <algorithm>

#include "commands.h"
#include "forecast_checks.h"
#include "help_format.h"
#include "io/series_files.h"
#include "path_checks.h"
#include "result_summary.h"
#include "shard_option.h"
#include "task_run.h"
#include "value_checks.h"

namespace arzoo::cli {
namespace {

constexpr int64_t kLongest = 1'000'000;  // steps or windows: far beyond use, far below overflow
constexpr int64_t kMostSamples = 10'000;

/// Windows from one training to the next, or never.
CLI::Validator refit_interval() {
  return parses([](const std::string& text) {
    if (text == "never" || whole_number(1, kLongest)(text).empty()) return;
    fail<UsageError>("expected never, or an integer from 1 to {}, got \"{}\"", kLongest, text);
  });
}

void add_input_options(CLI::App& command, plan::ForecastTask& task, std::vector<plan::fs::path>& models) {
  command
      .add_option(
          "--model", models,
          "run directory, checkpoint folder, weights file with --config, or a baseline (models "
          "--group baseline); without it, or with several, the best ensemble is searched for; repeatable")
      ->type_name("MODEL")
      ->allow_extra_args(false);
  command.add_option("--config", task.config, "config.json of the model or its run, for a weights file")
      ->type_name("CONFIG.json");
  add_state_dict_option(command, task.state_dict);
  command
      .add_option("--input", task.inputs,
                  "wide or long CSV (plain or .gz), Parquet or Arrow files, folders, patterns; - for stdin")
      ->type_name("CSV");
  command
      .add_option("--future", task.future,
                  "covariates at each step to forecast, for a model with future covariates and for --xreg")
      ->type_name("CSV");
  command.add_option("--format", task.format, "wide: a column per variate; long: unique_id,ds,y")
      ->type_name("auto|wide|long")
      ->check(choice({"auto", "wide", "long"}));
  command
      .add_option("--date", task.date, "column of the time stamps; found by its name or its cells by default")
      ->type_name("COLUMN");
  command.add_option("--id", task.id, "column that names the series of a long file, unique_id by default")
      ->type_name("COLUMN");
  command
      .add_option("--columns", task.columns,
                  "columns to read, of those with numbers; all by default; repeatable")
      ->type_name("A[,B...]")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--freq", task.freq, "spacing of the rows, as in 15min, h or D; inferred by default")
      ->type_name("FREQ")
      ->check(frequency_name());
  command
      .add_option(
          "--resample", task.resample,
          "bring rows at any moments onto a regular step: a frequency and sum, mean, min, max, first, "
          "last or count, as in 1h:mean; as in training by default")
      ->type_name("FREQ:HOW")
      ->check(resampling())
      ->excludes(command.get_option("--freq"));
  command
      .add_option("--missing", task.missing,
                  "what to do about empty cells and missing rows; as in training by default")
      ->type_name("error|ffill|interpolate")
      ->check(choice({"error", "ffill", "interpolate"}));
  command.add_flag("--skip-short", task.skip_short,
                   "skip series that are too short, with a warning, instead of failing");
  command
      .add_flag("--pad-short", task.pad_short,
                "put the first row of a series that is too short before it as often as it takes, with a note")
      ->excludes(command.get_option("--skip-short"));
}

/// Lists of columns.
void add_columns_option(CLI::App& command, const std::string& name, std::vector<std::string>& columns,
                        const std::string& help) {
  command.add_option(name, columns, help)->type_name("A[,B...]")->delimiter(',')->allow_extra_args(false);
}

/// What a model for any series can be told, and a regression around any model.
void add_zero_shot_options(CLI::App& command, plan::ForecastTask& task) {
  add_columns_option(command, "--targets", task.targets,
                     "columns to forecast together, with covariates; a model for any series, or --xreg");
  add_columns_option(command, "--past-covariates", task.past_covariates,
                     "columns that help and are known up to the last row");
  add_columns_option(command, "--future-covariates", task.future_covariates,
                     "columns that help and are in --future too; by default all that are in both files");
  add_columns_option(command, "--static-covariates", task.static_covariates,
                     "columns with one value per series, for --xreg");
  command
      .add_option(
          "--set", task.settings,
          "an option of the forecasts of a model for any series, as in cross_learning=true; repeatable")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command.add_flag("--xreg", task.xreg,
                   "explain the targets by the future covariates in a linear regression, around any model");
  command
      .add_option("--xreg-mode", task.xreg_mode,
                  "xreg+model: the model forecasts what the regression leaves; model+xreg: the regression "
                  "explains what the model leaves")
      ->type_name("xreg+model|model+xreg")
      ->check(choice({"xreg+model", "model+xreg"}))
      ->needs(command.get_option("--xreg"));
  command.add_option("--ridge", task.ridge, "penalty of that regression, 0 by default")
      ->type_name("R")
      ->check(real_number(0.0, kLargestFactor))
      ->needs(command.get_option("--xreg"));
}

void add_output_options(CLI::App& command, plan::ForecastTask& task) {
  command
      .add_option("--output", task.output,
                  "forecasts: unique_id, ds, model, yhat [, lo-80, hi-80, ...] [, q-0.1, ...]; gzip if it "
                  "ends in .gz, "
                  "Parquet or Arrow if in .parquet or .arrow; - for stdout")
      ->type_name("CSV");
  command.add_option("--horizon", task.horizon, "steps to forecast, the model's own number by default")
      ->type_name("N")
      ->check(whole_number(1, kLongest));
  command.add_option("--level", task.levels, "prediction intervals in percent, as in 80,95; repeatable")
      ->type_name("P[,P...]")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(percentage());
  command
      .add_option("--quantiles", task.quantiles, "quantiles between 0 and 1, as in 0.1,0.5,0.9; repeatable")
      ->type_name("Q[,Q...]")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(real_number(1e-6, 1.0 - 1e-6));
  command
      .add_option("--samples", task.samples,
                  "sample paths of each series, whose sums over time mean something: columns sample-1, ...")
      ->type_name("N")
      ->check(whole_number(1, kMostSamples));
  command
      .add_option(
          "--conformal", task.conformal,
          "calibrate intervals by the validation windows; adaptive: also by each series' windows of a "
          "backtest before; split for point forecasts by default, none for learned distributions")
      ->type_name("none|split|adaptive")
      ->check(choice({"none", "split", "adaptive"}));
  command
      .add_option("--backtest", task.backtest, "forecast the last N windows of the known data and score them")
      ->type_name("N")
      ->check(whole_number(1, kLongest));
  command
      .add_option("--step", task.step,
                  "rows from one window of the backtest to the next, the horizon by default")
      ->type_name("N")
      ->check(whole_number(1, kLongest))
      ->needs(command.get_option("--backtest"));
  command
      .add_option(
          "--against", task.against,
          "compare on the same windows with baselines (seasonal_naive, drift, theta, ets, linear) and "
          "model folders; by default with seasonal_naive, in the summary alone")
      ->type_name("MODEL[,...]")
      ->delimiter(',')
      ->allow_extra_args(false);
  command
      .add_option_function<std::string>(
          "--refit",
          [&task](const std::string& text) { task.refit = text == "never" ? 0 : std::stoll(text); },
          "train models that come from a run again, on the rows before, every N windows of the backtest; "
          "never: not, and say so; baselines are fitted at each")
      ->type_name("N")
      ->check(refit_interval())
      ->needs(command.get_option("--backtest"));
  command
      .add_option("--report", task.report,
                  "page that compares the models of the backtest: ranking, error by step, forecasts beside "
                  "the truth")
      ->type_name("PAGE.html")
      ->needs(command.get_option("--backtest"));
  command
      .add_option(
          "--time-limit", task.time_limit,
          "search for an ensemble of baselines, --model, --against and models trained meanwhile, for so "
          "many seconds; 60 without --model")
      ->type_name("SECONDS")
      ->check(real_number(1.0, 1e6));
  command
      .add_option("--keep", task.keep,
                  "folder for that ensemble, a model for later; by default beside --output")
      ->type_name("DIR");
  command
      .add_option(
          "--season", task.season,
          "steps of the season that MASE and the baselines repeat; by default a day of hours, a week of "
          "days, a year of months")
      ->type_name("N")
      ->check(whole_number(1, kLongest));
  command.get_option("--future")->excludes(command.get_option("--backtest"));
  command.get_option("--samples")->excludes(command.get_option("--backtest"));
  command.add_option("--plot", task.plot, "folder for one chart per series")->type_name("DIR");
}

/// What else a forecaster can do with the same input.
void add_other_work(CLI::App& command, plan::ForecastTask& task) {
  auto* impute =
      command.add_flag("--impute", task.impute,
                       "write the input with its missing cells filled by the model, a timae with head "
                       "\"reconstruction\"; with --backtest N: hide N stretches of --horizon rows and "
                       "score what is put there beside linear interpolation");
  auto* detect =
      command.add_flag("--detect", task.detect,
                       "write unique_id,ds,model,y,yhat,residual,p_value,anomaly of the known cells, "
                       "each forecast from those before it; --level says from where on, 99 by default; with "
                       "--backtest N: shift N cells of each series first and score how they are found");
  impute->excludes(detect);
  for (const char* other :
       {"--future", "--plot", "--season", "--quantiles", "--samples", "--conformal", "--targets",
        "--past-covariates", "--future-covariates", "--static-covariates", "--xreg", "--pad-short"}) {
    impute->excludes(command.get_option(other));
    detect->excludes(command.get_option(other));
  }
  impute->excludes(command.get_option("--level"));
}

/// What needs all series at once, or none of them twice, is no work for several processes.
void check_share(const plan::ForecastTask& task) {
  const bool searches = !task.keep.empty();
  if (searches || task.stream || task.backtest > 0 || task.plot || task.impute || task.detect)
    fail<UsageError>(
        "forecast: several processes share out plain forecasts: --model is required, and --time-limit, "
        "--stream, "
        "--backtest, --plot, --impute and --detect are not possible");
  for (const auto& input : task.inputs) {
    if (input == io::kStandardStream || task.output == io::kStandardStream)
      fail<UsageError>("forecast: several processes read and write files, not -");
  }
}

}  // namespace

void add_forecast_command(CLI::App& root, Invocation& invocation) {
  auto* command =
      root.add_subcommand("forecast", "Forecast time series from CSV files with a trained model.");
  command->formatter(std::make_shared<HelpFormat>("--model MODEL --input CSV... --output CSV"));
  auto task = std::make_shared<plan::ForecastTask>();
  auto models = std::make_shared<std::vector<plan::fs::path>>();
  add_input_options(*command, *task, *models);
  add_output_options(*command, *task);
  add_zero_shot_options(*command, *task);
  add_other_work(*command, *task);
  auto* stream =
      command->add_flag("--stream", task->stream, "read JSON windows from stdin, write forecasts to stdout");
  const auto share = add_shard_option(*command, "series");
  add_shared_options(*command, invocation);
  add_inference_options(*command, invocation);
  for (const char* other : {"--backtest", "--plot", "--impute", "--detect", "--stream", "--time-limit"})
    command->get_option("--shard")->excludes(command->get_option(other));
  for (const char* other : {"--input",
                            "--output",
                            "--plot",
                            "--backtest",
                            "--json",
                            "--date",
                            "--id",
                            "--columns",
                            "--skip-short",
                            "--pad-short",
                            "--future",
                            "--samples",
                            "--targets",
                            "--past-covariates",
                            "--future-covariates",
                            "--static-covariates",
                            "--xreg",
                            "--resample",
                            "--impute",
                            "--detect"}) {
    stream->excludes(command->get_option(other));
  }
  command->footer(
      "example:\n  arzoo forecast --model runs/weather --input data/weather/new_york_2013.csv "
      "\\\n    --output forecast.csv --level 80,95 --plot plots");
  on_chosen(*command, invocation, [task, share, models, command, &invocation] {
    set_models(*task, *models);
    if (command->count("--model") > 0 && task->model.empty())
      require_checkpoint(task->model, "forecast: --model");
    task->share = shard_of(*share, invocation);
    task->output = own_output(task->output, invocation);
    task->compute = invocation.compute;
    task->dry_run = invocation.dry_run;
    check_forecast(*task);
    if (!task->share.is_all()) check_share(*task);
    const bool to_stdout = task->output == io::kStandardStream;
    if (to_stdout && invocation.json)
      fail<UsageError>("forecast: --output -: stdout cannot hold the document of --json as well");
    const bool silent = (task->stream || to_stdout) && !task->dry_run;
    const Summary summary = silent ? [](const Json&) { return std::string(); }
                                   : Summary(task->dry_run ? plan_summary : forecast_summary);
    return run_task(invocation, &plan::TaskTable::forecast, *task, summary);
  });
}

}  // namespace arzoo::cli
