#include "tasks/forecast_inputs.h"

#include <algorithm>

#include "forecast/series_sources.h"
#include "io/series_columns.h"

namespace arzoo::tasks {
namespace {

using forecast::CovariateRoles;
using forecast::ForecastModel;

/// How the files are read: as in training where the task does not say otherwise.
io::SeriesReadOptions reading_of(const plan::ForecastTask& task, const ForecastModel& model) {
  auto wanted = model.options();
  if (!task.missing.empty())
    wanted.missing = task.missing;
  else if (model.reads_gaps())
    wanted.missing = "interpolate";  // the model sees the cells as missing
  if (!task.date.empty()) wanted.date = task.date;
  if (!task.id.empty() || task.format == "wide") wanted.id = task.id;
  if (!task.columns.empty()) wanted.columns = task.columns;
  wanted.freq = task.freq;
  wanted.format = task.format;
  auto options = forecast::read_options(wanted, "--");
  // The file forecast need not be long because the one trained on was.
  if (task.id.empty() && task.format == "auto") options.format = io::SeriesFormat::automatic;
  options.skip_single_rows = task.skip_short;
  return options;
}

CovariateRoles named_roles(const plan::ForecastTask& task) {
  return {task.targets, task.past_covariates, task.future_covariates, task.static_covariates};
}

/// The columns of --future that the input has too, but for dates and names of series.
std::vector<std::string> columns_in_both(const plan::ForecastTask& task, const io::CsvTable& input,
                                         const io::SeriesReadOptions& options) {
  auto wanted = options;
  wanted.columns = task.targets;
  const auto chosen = io::choose_columns(input, wanted);
  std::vector<std::string> columns;
  for (const auto& name : io::CsvTable::read(*task.future).column_names()) {
    const auto place = input.find(name);
    if (place && *place != chosen.date && (!chosen.id || *place != *chosen.id) &&
        std::find(task.targets.begin(), task.targets.end(), name) == task.targets.end())
      columns.push_back(name);
  }
  return columns;
}

/// The parts of a file's columns. Throws UsageError, DataError.
CovariateRoles roles_in(const plan::ForecastTask& task, const io::CsvTable& input,
                        const io::SeriesReadOptions& options) {
  auto roles = named_roles(task);
  if (task.future && roles.future.empty()) roles.future = columns_in_both(task, input, options);
  if (task.future && roles.future.empty())
    fail<DataError>("{}: no column of it is in {} too, expected the covariates that are known ahead",
                    task.future->string(), input.name());
  if (!task.future && !roles.future.empty() && task.backtest == 0)
    fail<UsageError>("--future-covariates: their values at the steps ahead are missing (--future FUTURE.csv)");
  if (task.xreg && !roles.past.empty())
    fail<UsageError>("--past-covariates: a regression needs covariates that are known ahead");
  return forecast::resolved_roles(roles, input, options);
}

/// Reads a file whose columns have the parts that the task names, and tells the model.
io::SeriesFile read_with_roles(const plan::ForecastTask& task, const plan::fs::path& path,
                               io::SeriesReadOptions options, ForecastModel& model, io::Categories& categories) {
  const auto table = io::CsvTable::read(path);
  const auto roles = roles_in(task, table, options);
  const auto& before = model.roles();
  const bool is_first = categories == nullptr;
  if (!is_first && (before.targets != roles.targets || before.future != roles.future))
    fail<DataError>("{}: other columns than the first file, expected the same targets and covariates (name them "
                    "with --targets)",
                    path.string());
  if (task.xreg)
    model.set_xreg(roles, task.ridge);
  else
    model.set_roles(roles);
  options.columns = roles.columns();
  // The first file says which texts there are, for a column has the same codes in all of them.
  if (is_first) categories = forecast::find_categories(table, roles, {});
  options.categories = categories;
  return io::read_series(table, options);
}

/// One line of a table's cells that stay missing, in place of how they were filled.
void note_gaps(const io::SeriesTable& table, bool gaps_stay, Progress& progress) {
  if (!gaps_stay) {
    for (const auto& note : table.notes) progress.note(note);
    return;
  }
  const auto missing = std::count(table.filled.begin(), table.filled.end(), true);
  if (missing == 0) return;
  progress.note(fmt::format("{}: series {}: {} missing values, which the model reads as such", table.source,
                            io::shown(table.unique_id), missing));
}

}  // namespace

ForecastInputs read_inputs(const plan::ForecastTask& task, ForecastModel& model, Progress& progress) {
  const bool has_roles = task.xreg || !named_roles(task).empty() || (model.is_zero_shot() && task.future);
  if (has_roles && !task.xreg && !model.is_zero_shot())
    fail<UsageError>("--targets: the model {} was trained with its own targets and covariates (use --xreg for a "
                     "regression around it)",
                     model.name());
  model.keep_gaps(task.missing.empty());
  auto options = reading_of(task, model);
  const bool trained_roles = !has_roles && !model.roles().empty();
  if ((has_roles || trained_roles) && !task.columns.empty())
    fail<UsageError>("--columns: {} which columns are targets and covariates",
                     has_roles ? "--targets says" : fmt::format("the model {} says", model.name()));
  if (trained_roles) {
    options.columns = model.roles().columns();
    options.categories = model.categories();
  }
  ForecastInputs inputs;
  io::Categories categories;
  for (const auto& path : task.inputs) {
    auto file = has_roles ? read_with_roles(task, path, options, model, categories)
                          : io::read_series(path, options);
    for (const auto& note : file.notes) progress.note(note);
    inputs.skipped.insert(inputs.skipped.end(), file.skipped.begin(), file.skipped.end());
    for (auto& table : file.tables) {
      note_gaps(table, model.reads_gaps() && task.missing.empty(), progress);
      inputs.tables.push_back(std::move(table));
      inputs.is_long.push_back(file.format == io::SeriesFormat::long_);
    }
  }
  return inputs;
}

std::vector<forecast::KnownAhead> read_known_ahead(const plan::ForecastTask& task, const ForecastModel& model,
                                                   const std::vector<io::SeriesTable>& tables, int64_t horizon,
                                                   Progress& progress) {
  if (!task.future) return {};
  if (model.roles().future.empty())
    fail<UsageError>("--future: the model {} was trained without covariates that are known ahead",
                     model.name());
  const auto categories = tables.empty() || tables.front().categories == nullptr ? model.categories()
                                                                                 : tables.front().categories;
  const forecast::FutureOptions options{model.roles().future, categories,
                                        task.date.empty() ? model.options().date : task.date,
                                        task.id.empty() ? model.options().id : task.id, model.reads_gaps()};
  std::vector<std::string> notes;
  auto known = forecast::read_future(*task.future, options, tables, horizon, notes);
  for (const auto& note : notes) progress.note(note);
  return known;
}

}  // namespace arzoo::tasks
