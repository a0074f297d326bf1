#include "forecast/commands/forecast_inputs.h"

#include <algorithm>

#include "core/display_text.h"
#include "forecast/data/series_sources.h"
#include "io/series_columns.h"
#include "io/series_fill.h"

namespace arzoo::forecast {
namespace {

CovariateRoles named_roles(const plan::ForecastTask& task) {
  return {task.targets, task.past_covariates, task.future_covariates, task.static_covariates};
}

/// Whether the task says what the columns are.
bool names_roles(const plan::ForecastTask& task, const ForecastModel& model) {
  const bool named =
      task.xreg || !named_roles(task).empty() || (model.is_zero_shot() && task.future.has_value());
  if (named && !task.xreg && !model.is_zero_shot())
    fail<UsageError>(
        "--targets: the model {} was trained with its own targets and covariates (use --xreg for a "
        "regression around it)",
        model.name());
  return named;
}

std::string missing_of(const plan::ForecastTask& task, const ForecastModel& model) {
  const auto wanted = task.missing.empty() ? model.options().missing : task.missing;
  // The model sees the cells as missing, or its first guess of them is what lies between their neighbours.
  const bool stay = task.missing.empty() && model.reads_gaps();
  return stay || (task.impute && wanted == "error") ? "interpolate" : wanted;
}

/// How the files are read: as in training where the task does not say otherwise.
io::SeriesReadOptions reading_of(const plan::ForecastTask& task, const ForecastModel& model) {
  auto wanted = model.options();
  wanted.missing = missing_of(task, model);
  if (!task.date.empty()) wanted.date = task.date;
  if (!task.id.empty() || task.format == "wide") wanted.id = task.id;
  if (!task.columns.empty()) wanted.columns = task.columns;
  if (!task.resample.empty() || !task.freq.empty()) wanted.resample = task.resample;
  wanted.freq = task.freq;
  wanted.format = task.format;
  auto options = read_options(wanted, "--");
  // The file forecast need not be long because the one trained on was.
  if (task.id.empty() && task.format == "auto") options.format = io::SeriesFormat::automatic;
  options.skip_single_rows = task.skip_short;
  return options;
}

void read_columns(const CovariateRoles& roles, io::SeriesReadOptions& options) {
  options.columns = roles.columns();
  options.statics = roles.statics;
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
    fail<UsageError>(
        "--future-covariates: their values at the steps ahead are missing (--future FUTURE.csv)");
  if (task.xreg && !roles.past.empty())
    fail<UsageError>("--past-covariates: a regression needs covariates that are known ahead");
  return resolved_roles(roles, input, options);
}

}  // namespace

InputReader::InputReader(const plan::ForecastTask& task, ForecastModel& model, int64_t needed_rows,
                         bool in_parts, Progress& progress)
    : task_(task),
      model_(model),
      names_roles_(names_roles(task, model)),
      options_(reading_of(task, model)),
      needed_rows_(needed_rows),
      progress_(progress) {
  model.keep_gaps(task.missing.empty());
  const bool trained_roles = !names_roles_ && !model.roles().empty();
  if ((names_roles_ || trained_roles) && !task.columns.empty())
    fail<UsageError>("--columns: {} which columns are targets and covariates",
                     names_roles_ ? "--targets says" : fmt::format("the model {} says", model.name()));
  if (trained_roles) {
    read_columns(model.roles(), options_);
    options_.categories = model.categories();
  }
  const bool apart = !names_roles_ && task.settings.empty();
  if (in_parts && apart && task.inputs.size() == 1) parts_.emplace(task.inputs.front(), options_);
}

/// The parts of one file have much to say in common.
void InputReader::note(const std::string& text) {
  constexpr std::size_t kMostKept = 1000;
  if (parts_ && notes_.size() < kMostKept && !notes_.insert(text).second) return;
  progress_.note(text);
}

/// Where cells stay missing one line of how many, in place of how they were filled.
void InputReader::note_gaps(const io::SeriesTable& table) {
  if (!model_.reads_gaps() || !task_.missing.empty()) {
    for (const auto& text : table.notes) note(text);
    return;
  }
  const auto missing = std::count(table.filled.begin(), table.filled.end(), true);
  if (missing == 0) return;
  note(fmt::format("{}: series {}: {}, which the model reads as such", table.source,
                   io::shown(table.unique_id),
                   missing == 1 ? "1 missing value" : fmt::format("{} missing values", missing)));
}

void InputReader::add(io::SeriesFile file, ForecastInputs& inputs) {
  for (const auto& text : file.notes) note(text);
  skipped_.insert(skipped_.end(), file.skipped.begin(), file.skipped.end());
  if (inputs.date_column.empty()) {
    inputs.date_column = file.date_column;
    inputs.id_column = file.id_column;
  }
  for (auto& table : file.tables) {
    note_gaps(table);
    inputs.tables.push_back(std::move(table));
    inputs.is_long.push_back(file.format == io::SeriesFormat::long_);
  }
}

io::SeriesFile InputReader::read(const plan::fs::path& path) {
  return names_roles_ ? read_with_roles(path) : io::read_series(path, options_);
}

/// Reads a file whose columns have the parts that the task names, and tells the model.
io::SeriesFile InputReader::read_with_roles(const plan::fs::path& path) {
  const auto table = io::CsvTable::read(path);
  const auto roles = roles_in(task_, table, options_);
  const auto& before = model_.roles();
  const bool is_first = options_.categories == nullptr;
  if (!is_first && (before.targets != roles.targets || before.future != roles.future))
    fail<DataError>(
        "{}: other columns than the first file, expected the same targets and covariates (name them "
        "with --targets)",
        path.string());
  if (task_.xreg)
    model_.set_xreg(roles,
                    task_.xreg_mode == "model+xreg" ? XRegMode::model_first : XRegMode::regression_first,
                    task_.ridge);
  else
    model_.set_roles(roles);
  // The first file says which texts there are, for a column has the same codes in all of them.
  if (is_first) options_.categories = find_categories(table, roles, {});
  auto options = options_;
  read_columns(roles, options);
  return io::read_series(table, options);
}

/// Takes the series of too few rows out of `inputs`.
void InputReader::leave_out_short(ForecastInputs& inputs) {
  ForecastInputs longer{{}, {}, inputs.date_column, inputs.id_column, inputs.begin, inputs.end};
  for (std::size_t i = 0; i < inputs.tables.size(); ++i) {
    auto& table = inputs.tables[i];
    if (static_cast<int64_t>(table.rows()) < needed_rows_) {
      skipped_.push_back(table.unique_id);
      continue;
    }
    longer.tables.push_back(std::move(table));
    longer.is_long.push_back(inputs.is_long[i]);
  }
  inputs = std::move(longer);
}

/// Lengthens the series of too few rows, those that a backtest scores aside.
void InputReader::lengthen_short(ForecastInputs& inputs) {
  const auto scored = needed_rows_ - model_.least_context();
  for (auto& table : inputs.tables) {
    const auto rows = static_cast<int64_t>(table.rows());
    if (rows >= needed_rows_) continue;
    if (rows <= scored)
      fail<DataError>("{}: series {} has {} rows, expected at least {}: one before those of the windows",
                      table.source, io::shown(table.unique_id), rows, scored + 1);
    io::pad_front(table, static_cast<std::size_t>(needed_rows_));
    note(table.notes.back());
    padded_.push_back(table.unique_id);
  }
}

/// One short series of many need not end the work.
void InputReader::require_long_enough(const ForecastInputs& inputs) const {
  if (inputs.tables.size() < 2) return;  // the model says what it needs
  for (const auto& table : inputs.tables) {
    if (static_cast<int64_t>(table.rows()) < needed_rows_)
      fail<DataError>(
          "{}: series {} has {} rows, expected at least {} (give it more rows, lengthen such series with "
          "--pad-short, or leave them out with --skip-short)",
          table.source, io::shown(table.unique_id), table.rows(), needed_rows_);
  }
}

std::optional<ForecastInputs> InputReader::next() {
  if (finished_) return std::nullopt;
  ForecastInputs inputs;
  if (parts_) {
    inputs.begin = parts_->place();
    auto part = parts_->next();
    inputs.end = parts_->place();
    if (!part) {
      finished_ = true;
      return std::nullopt;
    }
    add(std::move(*part), inputs);
  } else {
    for (const auto& path : task_.inputs) add(read(path), inputs);
    finished_ = true;
  }
  if (task_.skip_short)
    leave_out_short(inputs);
  else if (task_.pad_short)
    lengthen_short(inputs);
  else
    require_long_enough(inputs);
  given_ += inputs.tables.size();
  return inputs;
}

void InputReader::finish() {
  if (skipped_.empty()) return;
  const auto short_ones = fmt::format("{} series of fewer than {} rows: {}", skipped_.size(), needed_rows_,
                                      first_few(skipped_, io::shown));
  if (given_ == 0) fail<DataError>("--skip-short: leaves no series, all are short: {}", short_ones);
  progress_.warn(fmt::format("left out {}", short_ones));
}

std::vector<KnownAhead> read_known_ahead(const plan::ForecastTask& task, const ForecastModel& model,
                                         const std::vector<io::SeriesTable>& tables, int64_t horizon,
                                         Progress& progress) {
  if (!task.future) return {};
  if (model.roles().future.empty())
    fail<UsageError>("--future: the model {} was trained without covariates that are known ahead",
                     model.name());
  const auto categories =
      tables.empty() || tables.front().categories == nullptr ? model.categories() : tables.front().categories;
  const FutureOptions options{model.roles().future, categories,
                              task.date.empty() ? model.options().date : task.date,
                              task.id.empty() ? model.options().id : task.id, model.reads_gaps()};
  std::vector<std::string> notes;
  auto known = read_future(*task.future, options, tables, horizon, notes);
  for (const auto& note : notes) progress.note(note);
  return known;
}

}  // namespace arzoo::forecast
