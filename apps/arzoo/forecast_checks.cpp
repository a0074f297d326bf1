#include "forecast_checks.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "forecast/baselines/baseline_cards.h"
#include "io/series_files.h"
#include "path_checks.h"

namespace arzoo::cli {
namespace {

constexpr std::size_t kMostLevels = 100;

/// The files that the inputs stand for; "-" among them once.
std::vector<plan::fs::path> input_files(const std::vector<plan::fs::path>& inputs) {
  std::vector<plan::fs::path> files;
  for (const auto& input : inputs) {
    require_name(input, "forecast: --input", "a file");
    try {
      const auto found = io::series_files(input);
      files.insert(files.end(), found.begin(), found.end());
    } catch (const DataError& error) {
      fail<DataError>("forecast: --input: {}", error.what());
    }
  }
  for (const auto& file : files) {
    if (file != io::kStandardStream) require_input_file(file, "forecast: --input");
  }
  if (std::count(files.begin(), files.end(), io::kStandardStream) > 1)
    fail<UsageError>("forecast: --input: - is given twice, stdin can be read once");
  return files;
}

/// A baseline's name or a checkpoint.
void require_model(const plan::fs::path& path, const std::string& option) {
  const auto& baselines = forecast::kBaselineCards;
  const auto name = path.string();
  if (!plan::fs::exists(path) &&
      std::any_of(baselines.begin(), baselines.end(), [&](const auto& card) { return card.name == name; }))
    return;
  require_checkpoint(path, option);
}

/// Without a model, or with a time limit, one is searched for.
void check_search(plan::ForecastTask& task) {
  if (!task.model.empty() && !task.time_limit) {
    if (!task.keep.empty())
      fail<UsageError>("forecast: --keep is for a search (leave out --model, or add --time-limit)");
    if (!task.against.empty() && task.backtest == 0)
      fail<UsageError>(
          "forecast: --against needs --backtest, or a search (leave out --model, or add --time-limit)");
    return;
  }
  if (task.inputs.empty() && !task.stream)
    fail<UsageError>("forecast: --input is required (see arzoo forecast --help)");
  if (task.stream || task.config || task.xreg || task.future || !task.targets.empty() || task.impute ||
      task.detect)
    fail<UsageError>(
        "forecast: --model is required, and --time-limit not possible, with --stream, --config, --xreg, "
        "--future, "
        "--targets, --impute and --detect");
  if (!task.horizon) fail<UsageError>("forecast: --horizon is required to search for a model");
  if (task.output.empty()) fail<UsageError>("forecast: --output is required (see arzoo forecast --help)");
  for (const auto* path : {&task.output, task.inputs.empty() ? &task.output : &task.inputs.front()}) {
    if (*path == io::kStandardStream)
      fail<UsageError>(
          "forecast: a search reads its input twice and keeps a folder beside its output: give files, not -");
  }
  if (task.keep.empty()) task.keep = plan::fs::path(task.output).replace_extension("") += "_model";
  require_output_folder(task.keep, "forecast: --keep");
  if (plan::fs::exists(task.keep) && !plan::fs::is_empty(task.keep))
    fail<UsageError>(
        "forecast: --keep {}: the folder has something in it (use it: --model {}; or name another)",
        task.keep.string(), task.keep.string());
}

}  // namespace

void set_models(plan::ForecastTask& task, const std::vector<plan::fs::path>& models) {
  if (models.empty()) return;
  task.model = models.front();
  for (std::size_t i = 1; i < models.size(); ++i) task.against.push_back(models[i].string());
  if (models.size() > 1 && !task.time_limit) task.time_limit = plan::kDefaultTimeLimit;
}

void check_forecast(plan::ForecastTask& task) {
  check_search(task);
  for (const auto& name : task.against) require_model(name, "forecast: --against");
  if (!task.model.empty()) require_model(task.model, "forecast: --model");
  if (task.config) require_input_file(*task.config, "forecast: --config");
  for (auto* levels : {&task.levels, &task.quantiles}) {
    std::sort(levels->begin(), levels->end());
    levels->erase(std::unique(levels->begin(), levels->end()), levels->end());
    if (levels->size() > kMostLevels)
      fail<UsageError>("forecast: {}: {} levels, expected at most {}",
                       levels == &task.levels ? "--level" : "--quantiles", levels->size(), kMostLevels);
  }
  if (task.conformal == "adaptive" && task.backtest == 0)
    fail<UsageError>(
        "forecast: --conformal adaptive learns from the windows of a backtest (add --backtest N)");
  if (task.xreg && !task.future && task.future_covariates.empty())
    fail<UsageError>(
        "forecast: --xreg needs the covariates of the steps ahead (--future; for --backtest their names, "
        "--future-covariates)");
  if (task.stream) return;
  if (task.inputs.empty()) fail<UsageError>("forecast: --input is required (see arzoo forecast --help)");
  if (task.output.empty()) fail<UsageError>("forecast: --output is required (see arzoo forecast --help)");
  task.inputs = input_files(task.inputs);
  auto inputs = task.inputs;
  if (task.future) {
    require_input_file(*task.future, "forecast: --future");
    inputs.push_back(*task.future);
  }
  if (task.output != io::kStandardStream) require_output_file(task.output, inputs, "forecast: --output");
  if (task.plot) require_output_folder(*task.plot, "forecast: --plot");
  if (task.report) require_output_file(*task.report, inputs, "forecast: --report");
  if (task.refit.value_or(0) > 0 && (task.xreg || task.conformal == "adaptive" || !task.settings.empty()))
    fail<UsageError>("forecast: --refit cannot be combined with --xreg, --set and --conformal adaptive");
}

}  // namespace arzoo::cli
