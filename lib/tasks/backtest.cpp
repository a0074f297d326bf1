#include "tasks/backtest.h"

#include <torch/torch.h>

#include <map>

#include "runtime/metrics.h"
#include "tasks/forecast_chart.h"

namespace arzoo::tasks {
namespace {

using forecast::SeriesForecast;

/// Steps of the usual season (day of hours, week of days, year of months): what MASE's naive forecast
/// repeats.
int64_t seasonal_period(const Frequency& frequency) {
  using Unit = Frequency::Unit;
  static const std::map<Unit, int64_t> kPeriods{
      {Unit::second, 3600}, {Unit::minute, 1440}, {Unit::hour, 24},   {Unit::day, 7}, {Unit::business_day, 5},
      {Unit::week, 52},     {Unit::month, 12},    {Unit::quarter, 4}, {Unit::year, 1}};
  return std::max<int64_t>(1, kPeriods.at(frequency.unit) / frequency.multiple);
}

/// The first `rows` rows of a table.
SeriesTable cut(const SeriesTable& table, int64_t rows) {
  SeriesTable shorter = table;
  shorter.stamps.resize(rows);
  shorter.values.resize(rows * table.variates.size());
  return shorter;
}

/// What is summed up for one series over all its stretches, or for all series.
struct Score {
  runtime::ErrorSums errors;
  double scaled = 0.0;  // absolute errors over the series' seasonal naive error, summed
  int64_t scaled_count = 0;
  std::map<double, int64_t> covered;

  void add(const at::Tensor& forecast, const at::Tensor& truth, double naive,
           const std::vector<std::pair<double, at::Tensor>>& half_widths) {
    errors.add(forecast, truth);
    const auto distance = (forecast - truth).abs();
    if (naive > 0) {
      scaled += distance.sum().item<double>() / naive;
      scaled_count += distance.numel();
    }
    for (const auto& [level, half] : half_widths) covered[level] += distance.le(half).sum().item<int64_t>();
  }

  Json json() const {
    Json result{{"mse", errors.mse()}, {"mae", errors.mae()}};
    // A series that repeats itself exactly has no naive error to measure against.
    result["mase"] = scaled_count > 0 ? Json(scaled / static_cast<double>(scaled_count)) : Json(nullptr);
    result["smape"] = errors.smape();
    for (const auto& [level, count] : covered) {
      result["coverage"][fmt::format("{:g}", level)] =
          static_cast<double>(count) / static_cast<double>(errors.count());
    }
    return result;
  }
};

/// Values of the forecast variates of rows [begin, end), [end - begin, variates].
at::Tensor truth_of(const SeriesTable& table, const std::vector<std::string>& variates, int64_t begin,
                    int64_t end) {
  const auto width = static_cast<int64_t>(table.variates.size());
  auto truth = at::empty({end - begin, static_cast<int64_t>(variates.size())}, at::kDouble);
  auto to = truth.accessor<double, 2>();
  for (std::size_t c = 0; c < variates.size(); ++c) {
    const auto column =
        std::find(table.variates.begin(), table.variates.end(), variates[c]) - table.variates.begin();
    for (int64_t t = begin; t < end; ++t)
      to[t - begin][static_cast<int64_t>(c)] = table.values[t * width + column];
  }
  return truth;
}

void write_stretch(CsvText& csv, const SeriesTable& table, const SeriesForecast& forecast,
                   const at::Tensor& truth, const std::string& cutoff, const std::string& model,
                   const std::string& id, int64_t channel) {
  for (std::size_t step = 0; step < forecast.stamps.size(); ++step) {
    const auto row = static_cast<int64_t>(step);
    const double mean = forecast.mean[row][channel].item<double>();
    csv.cell(id).cell(table.date_format.format(forecast.stamps[step])).cell(cutoff).cell(model);
    csv.cell(truth[row][channel].item<double>()).cell(mean);
    for (const auto& [level, half] : forecast.half_widths) {
      csv.cell(mean - half[row][channel].item<double>()).cell(mean + half[row][channel].item<double>());
    }
    csv.end_row();
  }
}

}  // namespace

Json backtest(const plan::ForecastTask& task, const forecast::ForecastModel& model,
              const std::vector<SeriesTable>& tables, const std::vector<std::vector<std::string>>& ids,
              int64_t horizon, CsvText& csv, Progress& progress, std::vector<SeriesForecast>& charted) {
  csv.cell("unique_id").cell("ds").cell("cutoff").cell("model").cell("y").cell("yhat");
  for (const double level : task.levels)
    csv.cell(fmt::format("lo-{:g}", level)).cell(fmt::format("hi-{:g}", level));
  csv.end_row();
  for (const auto& table : tables) {
    const auto rows = static_cast<int64_t>(table.stamps.size()),
               needed = model.least_context() + task.backtest * horizon;
    if (rows < needed) {
      fail<DataError>("{}: series {} has {} rows, --backtest {} needs {} (seq_len + windows x horizon)",
                      table.source, shown(table.unique_id), rows, task.backtest, needed);
    }
  }
  Score all;
  std::map<std::string, Score> scores;
  int64_t written = 0;
  progress.begin("backtest", task.backtest);
  for (int64_t window = task.backtest; window > 0; --window) {
    std::vector<SeriesTable> known;
    for (const auto& table : tables)
      known.push_back(cut(table, static_cast<int64_t>(table.stamps.size()) - window * horizon));
    const auto forecasts = model.forecast(known, horizon, task.levels);
    if (task.plot) append_stretches(charted, forecasts);
    for (std::size_t i = 0; i < tables.size(); ++i) {
      const auto begin = static_cast<int64_t>(known[i].stamps.size());
      const auto truth = truth_of(tables[i], forecasts[i].variates, begin, begin + horizon);
      const auto naive = runtime::seasonal_naive_error(truth_of(tables[i], forecasts[i].variates, 0, begin),
                                                       seasonal_period(tables[i].frequency));
      const auto cutoff = tables[i].date_format.format(known[i].stamps.back());
      for (int64_t c = 0; c < truth.size(1); ++c) {
        std::vector<std::pair<double, at::Tensor>> half_widths;
        for (const auto& [level, half] : forecasts[i].half_widths)
          half_widths.emplace_back(level, half.select(1, c));
        const auto mean = forecasts[i].mean.select(1, c), y = truth.select(1, c);
        all.add(mean, y, naive[c].item<double>(), half_widths);
        scores[ids[i][c]].add(mean, y, naive[c].item<double>(), half_widths);
        write_stretch(csv, tables[i], forecasts[i], truth, cutoff, model.name(), ids[i][c], c);
        written += horizon;
      }
    }
    progress.step();
  }
  progress.end();
  Json result{{"windows", task.backtest}, {"rows", written}};
  result.update(all.json());
  for (const auto& [id, score] : scores) result["series"][id] = score.json();
  return result;
}

}  // namespace arzoo::tasks
