#include "tasks/backtest.h"

#include <torch/torch.h>

#include <cmath>
#include <map>

#include "forecast/adaptive_conformal.h"
#include "forecast/forecast_scores.h"
#include "io/series_fill.h"
#include "runtime/metrics.h"
#include "tasks/forecast_chart.h"
#include "tasks/forecast_columns.h"

namespace arzoo::tasks {
namespace {

using forecast::ForecastModel;
using forecast::SeriesForecast;

/// Steps of the usual season (day of hours, week of days, year of months), which MASE's naive forecast
/// repeats unless --season says otherwise.
int64_t seasonal_period(const io::Frequency& frequency) {
  using Unit = io::Frequency::Unit;
  static const std::map<Unit, int64_t> kPeriods{
      {Unit::second, 3600}, {Unit::minute, 1440}, {Unit::hour, 24},   {Unit::day, 7}, {Unit::business_day, 5},
      {Unit::week, 52},     {Unit::month, 12},    {Unit::quarter, 4}, {Unit::year, 1}};
  return std::max<int64_t>(1, kPeriods.at(frequency.unit) / frequency.multiple);
}

/// Measured values of the forecast variates of rows [begin, end), NaN elsewhere: [end - begin, variates].
at::Tensor truth_of(const io::SeriesTable& table, const std::vector<std::string>& variates, int64_t begin,
                    int64_t end) {
  auto truth = at::empty({end - begin, static_cast<int64_t>(variates.size())}, at::kDouble);
  auto to = truth.accessor<double, 2>();
  for (std::size_t c = 0; c < variates.size(); ++c) {
    const auto column = static_cast<std::size_t>(
        std::find(table.variates.begin(), table.variates.end(), variates[c]) - table.variates.begin());
    for (int64_t t = begin; t < end; ++t) {
      const auto row = static_cast<std::size_t>(t);
      to[t - begin][static_cast<int64_t>(c)] = table.measured(row, column) ? table.at(row, column) : NAN;
    }
  }
  return truth;
}

void write_stretch(const io::SeriesOutput& out, io::CsvText& csv, const io::SeriesTable& table,
                   const SeriesForecast& forecast, const at::Tensor& truth, const std::string& cutoff,
                   const std::string& model, const std::string& id, int64_t channel) {
  for (std::size_t step = 0; step < forecast.stamps.size(); ++step) {
    const auto row = static_cast<int64_t>(step);
    const double mean = forecast.mean[row][channel].item<double>();
    csv.cell(id).cell(out.stamp(table.date_format, forecast.stamps[step])).cell(cutoff).cell(model);
    const double y = truth[row][channel].item<double>();
    (std::isnan(y) ? csv.cell("") : csv.cell(y)).cell(mean);
    for (const auto& [level, low, high] : forecast.intervals)
      csv.cell(low[row][channel].item<double>()).cell(high[row][channel].item<double>());
    for (const auto& [level, values] : forecast.quantiles) csv.cell(values[row][channel].item<double>());
    csv.end_row();
  }
}

/// The seasonal naive errors of each forecast variate within the rows before the first stretch, [variates].
struct NaiveErrors {
  int64_t season;
  at::Tensor of_variate, squares;
  forecast::NaiveScale scale(int64_t variate) const {
    return {of_variate[variate].item<double>(), squares[variate].item<double>()};
  }
};

std::vector<NaiveErrors> naive_errors(const plan::ForecastTask& task, const ForecastModel& model,
                                      const std::vector<io::SeriesTable>& tables, int64_t horizon) {
  std::vector<NaiveErrors> errors;
  for (const auto& table : tables) {
    const auto season = task.season.value_or(seasonal_period(table.frequency));
    const auto known = static_cast<int64_t>(table.rows()) - task.backtest * horizon;
    const auto history = truth_of(table, model.forecast_variates(table), 0, known);
    errors.push_back({season, runtime::seasonal_naive_error(history, season),
                      runtime::seasonal_naive_square(history, season)});
  }
  return errors;
}

void require_rows(const plan::ForecastTask& task, const ForecastModel& model,
                  const std::vector<io::SeriesTable>& tables, int64_t horizon) {
  for (const auto& table : tables) {
    const auto rows = static_cast<int64_t>(table.stamps.size()),
               needed = model.least_context() + task.backtest * horizon;
    if (rows < needed) {
      fail<DataError>("{}: series {} has {} rows, --backtest {} needs {} (seq_len + windows x horizon)",
                      table.source, io::shown(table.unique_id), rows, task.backtest, needed);
    }
  }
}

/// How many of a table's stretches begin in [first, last].
int64_t stretches_within(const io::SeriesTable& table, int64_t stretches, int64_t horizon,
                         io::Timestamp first, io::Timestamp last) {
  int64_t within = 0;
  for (int64_t stretch = 1; stretch <= stretches; ++stretch) {
    const auto begin = static_cast<int64_t>(table.rows()) - stretch * horizon;
    const auto from = table.stamps[begin], to = table.stamps[begin + horizon - 1];
    within += from <= last && to >= first ? 1 : 0;
  }
  return within;
}

/// The scores of one variate's stretch.
forecast::ForecastScores scores_of(const SeriesForecast& forecast, const at::Tensor& truth, int64_t variate,
                                   const forecast::NaiveScale& naive) {
  forecast::ForecastScores scores;
  const auto of_variate = [&](const at::Tensor& part) { return part.select(1, variate); };
  scores.add(of_variate(forecast.mean), truth, naive);
  if (forecast.distribution.defined()) scores.add(forecast.distribution.chosen(of_variate), truth, naive);
  for (const auto& [level, low, high] : forecast.intervals)
    scores.add_interval(level, of_variate(low), of_variate(high), truth);
  for (const auto& [level, values] : forecast.quantiles)
    scores.add_quantile(level, of_variate(values), truth);
  return scores;
}

/// Errors on rows that training saw say little of the errors on others. One line for all series: the first of
/// them speaks.
void warn_of_seen_rows(const plan::ForecastTask& task, const ForecastModel& model,
                       const std::vector<io::SeriesTable>& tables, int64_t horizon, Progress& progress) {
  std::string trained, validated;
  int64_t more_trained = 0, more_validated = 0;
  for (const auto& table : tables) {
    const auto* seen = model.seen_rows(table);
    if (seen == nullptr) continue;
    const auto within = [&](io::Timestamp last) {
      return stretches_within(table, task.backtest, horizon, seen->first, last);
    };
    const auto say = [&](int64_t count, io::Timestamp last) {
      return fmt::format("{}: series {}: {} of {} windows reach into {} to {}", table.source,
                         io::shown(table.unique_id), count, task.backtest,
                         table.date_format.format(seen->first), table.date_format.format(last));
    };
    const int64_t in_training = within(seen->last_trained), in_validation = within(seen->last_validated);
    if (in_training > 0) {
      if (trained.empty()) trained = say(in_training, seen->last_trained);
      ++more_trained;
    } else if (in_validation > 0) {
      if (validated.empty()) validated = say(in_validation, seen->last_validated);
      ++more_validated;
    }
  }
  const auto others = [](int64_t count) {
    return count > 1 ? fmt::format(" (and of {} more series)", count - 1) : std::string();
  };
  if (!trained.empty()) {
    progress.warn(trained + others(more_trained) +
                  ", the rows that the model was trained on: their errors are too small");
  }
  if (!validated.empty()) {
    progress.note(validated + others(more_validated) +
                  ", the last of them validation rows, which chose the epoch and calibrated the intervals");
  }
}

}  // namespace

std::vector<io::OutputColumn> backtest_columns(const plan::ForecastTask& task) {
  using Kind = io::OutputColumn::Kind;
  std::vector<io::OutputColumn> columns{{"unique_id", Kind::text},
                                        {"ds", Kind::stamp},
                                        {"cutoff", Kind::stamp},
                                        {"model", Kind::text},
                                        {"y"},
                                        {"yhat"}};
  add_level_columns(columns, task);
  return columns;
}

Json backtest(const plan::ForecastTask& task, const forecast::ForecastModel& model,
              const std::vector<io::SeriesTable>& tables, const std::vector<std::vector<std::string>>& ids,
              int64_t horizon, const io::SeriesOutput& out, io::CsvText& csv, Progress& progress,
              std::vector<SeriesForecast>& charted) {
  require_rows(task, model, tables, horizon);
  warn_of_seen_rows(task, model, tables, horizon, progress);
  const auto naive = naive_errors(task, model, tables, horizon);
  auto levels = asked_levels(task);
  levels.distribution = true;
  std::optional<forecast::AdaptiveIntervals> adaptive;
  if (task.conformal == "adaptive") adaptive.emplace(task.levels, model);
  if (adaptive) levels.intervals = adaptive->asked();
  forecast::ForecastScores all;
  std::map<std::string, forecast::ForecastScores> scores;
  int64_t written = 0;
  std::vector<std::vector<SeriesForecast>> stretches;  // for the charts
  progress.begin("backtest", task.backtest);
  for (int64_t window = task.backtest; window > 0; --window) {
    std::vector<io::SeriesTable> known;
    for (const auto& table : tables)
      known.push_back(io::first_rows(table, table.rows() - static_cast<std::size_t>(window * horizon)));
    std::vector<forecast::KnownAhead> ahead;
    for (std::size_t i = 0; i < tables.size() && !model.roles().future.empty(); ++i)
      ahead.push_back(forecast::held_out(tables[i], model.roles().future,
                                         static_cast<int64_t>(known[i].rows()), horizon));
    auto forecasts = model.forecast(known, horizon, levels, ahead);
    for (std::size_t i = 0; adaptive && i < tables.size(); ++i) adaptive->adapt(forecasts[i], ids[i]);
    if (task.plot) stretches.push_back(forecasts);
    for (std::size_t i = 0; i < tables.size(); ++i) {
      const auto begin = static_cast<int64_t>(known[i].stamps.size());
      const auto truth = truth_of(tables[i], forecasts[i].variates, begin, begin + horizon);
      const auto cutoff = out.stamp(tables[i].date_format, known[i].stamps.back());
      for (int64_t c = 0; c < truth.size(1); ++c) {
        const auto scored = scores_of(forecasts[i], truth.select(1, c), c, naive[i].scale(c));
        all.add(scored);
        scores[ids[i][c]].add(scored);
        write_stretch(out, csv, tables[i], forecasts[i], truth, cutoff, model.name(), ids[i][c], c);
        written += horizon;
      }
      if (adaptive) adaptive->learn(forecasts[i], truth, ids[i]);
    }
    progress.step();
  }
  progress.end();
  charted = joined(stretches);
  Json result{{"windows", task.backtest}, {"rows", written}};
  result.update(all.json());
  for (std::size_t i = 0; i < tables.size(); ++i) {
    for (std::size_t c = 0; c < ids[i].size(); ++c) {
      auto& series = result["series"][ids[i][c]] = scores[ids[i][c]].json();
      const auto scale = naive[i].of_variate[static_cast<int64_t>(c)].item<double>();
      series["season"] = naive[i].season;
      series["naive_mae"] = std::isnan(scale) ? Json(nullptr) : Json(scale);
    }
  }
  return result;
}

}  // namespace arzoo::tasks
