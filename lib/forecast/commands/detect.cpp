#include "forecast/commands/detect.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "forecast/commands/forecast_ids.h"
#include "forecast/commands/forecast_inputs.h"
#include "forecast/commands/injected_anomalies.h"
#include "io/series_output.h"

namespace arzoo::forecast {
namespace {

using Kind = io::OutputColumn::Kind;

constexpr double kDefaultLevel = 99.0;

/// What was found in one variate.
struct Anomalies {
  int64_t scored = 0, anomalies = 0;
  double lowest = 2.0;
  io::Timestamp at;
};

/// One series on its way through the windows: `seen` is the table with anomalies replaced.
struct Series {
  io::SeriesTable table, seen;
  std::vector<std::size_t> columns;  ///< of the variates that are forecast
  int64_t next = 0;                  ///< first row that is not scored yet
  std::vector<Anomalies> found;
  std::vector<InjectedCells> injected = {};  ///< of each of `columns`; empty without a backtest
  InjectionScore score = {};
  io::CsvText csv;
};

/// The rows before `begin` that a forecast looks at. A gap at their end was filled by what came later
/// perhaps: it takes the last value measured before.
io::SeriesTable history_before(const Series& series, int64_t begin, int64_t context) {
  const auto& table = series.seen;
  const auto width = static_cast<int64_t>(table.variates.size());
  const int64_t first = std::max<int64_t>(0, begin - context);
  io::SeriesTable history;
  history.unique_id = table.unique_id;
  history.source = table.source;
  history.variates = table.variates;
  history.frequency = table.frequency;
  history.date_format = table.date_format;
  history.categories = table.categories;
  history.stamps.assign(table.stamps.begin() + first, table.stamps.begin() + begin);
  history.values.assign(table.values.begin() + first * width, table.values.begin() + begin * width);
  for (int64_t c = 0; c < width; ++c) {
    int64_t last = begin - 1;
    while (last >= first && !table.measured(static_cast<std::size_t>(last), static_cast<std::size_t>(c)))
      --last;
    if (last < first) continue;
    for (int64_t row = last + 1; row < begin; ++row)
      history.values[(row - first) * width + c] = history.values[(last - first) * width + c];
  }
  return history;
}

/// Residuals in the scale of the model's scores; of a model that has learnt distributions the normal scores
/// of the truth. residuals: [1, S, V] double, NaN where nothing was measured.
at::Tensor in_scale_of_scores(const SeriesForecast& forecast, const at::Tensor& residuals) {
  if (!forecast.distribution.defined()) return residuals / forecast.scale;
  const auto scores = forecast.distribution.scores(forecast.mean + residuals.squeeze(0)).unsqueeze(0);
  return scores.masked_fill(residuals.isnan(), std::nan(""));
}

/// Forecasts the next window of the series of a round and scores it.
class Detector {
 public:
  Detector(const ForecastModel& model, int64_t horizon, double level, const io::SeriesOutput& out)
      : model_(model),
        p_values_(model.scores()),
        out_(out),
        horizon_(horizon),
        most_p_(1.0 - level / 100.0 + 1e-12) {}

  void score(std::span<Series*> round, const std::vector<std::vector<std::string>*>& ids) const {
    std::vector<io::SeriesTable> histories;
    std::vector<KnownAhead> ahead;
    std::vector<int64_t> begins;
    for (const auto* series : round) {
      const auto begin = series->next;
      begins.push_back(begin);
      histories.push_back(history_before(*series, begin, model_.most_context(horizon_)));
      if (!model_.roles().future.empty())
        ahead.push_back(held_out(series->table, model_.roles().future, begin, horizon_));
    }
    ForecastLevels wanted;
    wanted.distribution = model_.has_distribution();
    const auto forecasts =
        model_.forecast(std::span<const io::SeriesTable>(histories), horizon_, wanted, ahead);
    for (std::size_t i = 0; i < round.size(); ++i) score_window(*round[i], begins[i], forecasts[i], *ids[i]);
  }

 private:
  void score_window(Series& series, int64_t begin, const SeriesForecast& forecast,
                    const std::vector<std::string>& ids) const {
    const auto rows = static_cast<int64_t>(series.table.rows());
    // The first window is cut short, so that the last one ends with the series.
    const int64_t left = (rows - begin) % horizon_, end = begin + (left > 0 ? left : horizon_);
    const auto width = static_cast<int64_t>(series.columns.size());
    auto residuals = at::full({1, horizon_, width}, std::nan(""), at::kDouble);
    auto residual = residuals.accessor<double, 3>();
    const auto mean = forecast.mean.accessor<double, 2>();
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t c = 0; c < width; ++c) {
        const auto column = series.columns[c];
        if (series.table.measured(static_cast<std::size_t>(row), column))
          residual[0][row - begin][c] =
              series.table.at(static_cast<std::size_t>(row), column) - mean[row - begin][c];
      }
    }
    const auto p = p_values_.of(in_scale_of_scores(forecast, residuals)).squeeze(0).contiguous();
    const auto share = p.accessor<double, 2>();
    for (int64_t c = 0; c < width; ++c) {
      int64_t flagged = 0, scored = 0;
      for (int64_t row = begin; row < end; ++row) {
        const double y =
            std::isnan(residual[0][row - begin][c]) ? std::nan("") : series.table.at(row, series.columns[c]);
        write_cell(series, ids[c], row, c, y, mean[row - begin][c], residual[0][row - begin][c],
                   share[row - begin][c]);
        scored += std::isnan(y) ? 0 : 1;
        flagged += share[row - begin][c] <= most_p_ ? 1 : 0;
      }
      // A level that has changed must be learnt, or all that follows is an anomaly.
      if (2 * flagged > scored) continue;
      for (int64_t row = begin; row < end; ++row) {
        if (share[row - begin][c] <= most_p_)
          series.seen.values[row * series.table.variates.size() + series.columns[c]] = mean[row - begin][c];
      }
    }
    series.next = end;
  }

  void write_cell(Series& series, const std::string& id, int64_t row, int64_t c, double y, double yhat,
                  double residual, double p) const {
    auto& csv = series.csv;
    csv.cell(id).cell(out_.stamp(series.table.date_format, series.table.stamps[row])).cell(model_.name());
    csv.cell(y).cell(yhat).cell(residual).cell(p);
    if (std::isnan(p)) {
      csv.cell(std::string_view()).end_row();
      return;
    }
    csv.cell(int64_t{p <= most_p_}).end_row();
    if (!series.injected.empty()) {
      const auto& cells = series.injected[static_cast<std::size_t>(c)];
      const auto shift = cells.find(row);
      series.score.add(shift == cells.end() ? 0 : shift->second, p <= most_p_);
    }
    auto& found = series.found[c];
    ++found.scored;
    found.anomalies += p <= most_p_ ? 1 : 0;
    if (p >= found.lowest) return;
    found.lowest = p;
    found.at = series.table.stamps[row];
  }

  const ForecastModel& model_;
  ConformalPValues p_values_;
  const io::SeriesOutput& out_;
  int64_t horizon_;
  double most_p_;
};

double level_of(const plan::ForecastTask& task, const ForecastModel& model) {
  if (task.levels.size() > 1)
    fail<UsageError>("--detect: {} levels, expected one (--level)", task.levels.size());
  if (model.scores().empty())
    fail<UsageError>(
        "--detect: {} has no validation residuals to compare with (train with a validation split)",
        model.name());
  const double level = task.levels.empty() ? kDefaultLevel : task.levels.front();
  model.scores().half_width(level);  // throws where too few windows calibrate it
  return level;
}

int64_t horizon_of(const plan::ForecastTask& task, const ForecastModel& model) {
  const int64_t calibrated = model.scores().residuals().size(1);
  const int64_t horizon = task.horizon.value_or(calibrated);
  if (horizon > calibrated)
    fail<UsageError>("--horizon {}: --detect ranks the residuals of at most {} steps, which were calibrated",
                     horizon, calibrated);
  return horizon;
}

/// injected: cells of each variate to shift.
std::vector<Series> series_to_score(ForecastInputs& inputs, const ForecastModel& model, int64_t needed,
                                    int64_t injected) {
  std::vector<Series> all;
  for (auto& table : inputs.tables) {
    if (static_cast<int64_t>(table.rows()) < needed)
      fail<DataError>(
          "{}: series {} has {} rows, --detect needs {} (seq_len + horizon; leave it out with --skip-short)",
          table.source, io::shown(table.unique_id), table.rows(), needed);
    Series series;
    for (const auto& name : model.forecast_variates(table)) {
      const auto found = std::find(table.variates.begin(), table.variates.end(), name);
      if (found == table.variates.end())
        fail<DataError>("{}: no variate {}, which the model forecasts", table.source, io::shown(name));
      series.columns.push_back(static_cast<std::size_t>(found - table.variates.begin()));
    }
    series.found.resize(series.columns.size());
    series.next = model.least_context();
    for (const auto column : series.columns)
      if (injected > 0) series.injected.push_back(inject_anomalies(table, column, series.next, injected));
    series.seen = table;
    series.table = std::move(table);
    all.push_back(std::move(series));
  }
  return all;
}

Json injection_json(const std::vector<Series>& all) {
  InjectionScore sum;
  for (const auto& series : all) sum.add(series.score);
  return sum.json();
}

Json found_in(const std::vector<Series>& all, const std::vector<std::vector<std::string>>& ids,
              double level) {
  int64_t scored = 0, anomalies = 0;
  Json by_id = Json::object();
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t c = 0; c < ids[i].size(); ++c) {
      const auto& found = all[i].found[c];
      scored += found.scored;
      anomalies += found.anomalies;
      auto& json = by_id[ids[i][c]] = {{"scored", found.scored}, {"anomalies", found.anomalies}};
      if (found.scored == 0) continue;
      json["lowest_p_value"] = found.lowest;
      json["at"] = all[i].table.date_format.format(found.at);
    }
  }
  return {{"level", level}, {"scored", scored}, {"anomalies", anomalies}, {"series", std::move(by_id)}};
}

}  // namespace

Json detect(const plan::ForecastTask& task, ForecastModel& model, Progress& progress, Stop stop) {
  constexpr std::size_t kSeriesAtOnce = 256;
  const double level = level_of(task, model);
  const int64_t horizon = horizon_of(task, model), needed = model.least_context() + horizon;
  InputReader reader(task, model, needed, /*in_parts=*/false, progress);
  auto inputs = *reader.next();
  reader.finish();
  auto ids = output_ids(inputs, model);
  auto all = series_to_score(inputs, model, needed, task.backtest);
  io::SeriesOutput out(task.output, {{"unique_id", Kind::text},
                                     {"ds", Kind::stamp},
                                     {"model", Kind::text},
                                     {"y"},
                                     {"yhat"},
                                     {"residual"},
                                     {"p_value"},
                                     {"anomaly"}});
  const Detector detector(model, horizon, level, out);
  int64_t rows = 0;
  progress.begin("series", static_cast<int64_t>(all.size()));
  for (std::size_t first = 0; first < all.size(); first += kSeriesAtOnce) {
    const auto end = std::min(all.size(), first + kSeriesAtOnce);
    for (;;) {
      if (stop.load()) fail<Interrupted>("interrupted, nothing written");
      std::vector<Series*> round;
      std::vector<std::vector<std::string>*> names;
      for (std::size_t i = first; i < end; ++i) {
        if (all[i].next >= static_cast<int64_t>(all[i].table.rows())) continue;
        round.push_back(&all[i]);
        names.push_back(&ids[i]);
      }
      if (round.empty()) break;
      detector.score(round, names);
    }
    for (std::size_t i = first; i < end; ++i) {
      for (const auto& found : all[i].found) rows += found.scored;
      out.append(all[i].csv.take());
      progress.step();
    }
  }
  progress.end();
  out.commit();
  auto found = found_in(all, ids, level);
  if (task.backtest > 0) found["injected"] = injection_json(all);
  Json result{{"series", found["series"].size()}, {"rows", rows}};
  if (task.skip_short) result["skipped"] = reader.skipped();
  result["detect"] = std::move(found);
  return result;
}

}  // namespace arzoo::forecast
