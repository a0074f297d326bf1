#include "forecast/commands/backtest.h"

#include <torch/torch.h>

#include <cmath>
#include <map>

#include "core/display_text.h"
#include "forecast/adaptive_conformal.h"
#include "forecast/baseline_cards.h"
#include "forecast/commands/forecast_chart.h"
#include "forecast/commands/forecast_columns.h"
#include "forecast/forecast_scores.h"
#include "forecast/leaderboard.h"
#include "io/series_fill.h"
#include "runtime/device.h"
#include "runtime/metrics.h"

namespace arzoo::forecast {
namespace {

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

/// Where the windows lie: number 1 ends with the series, the higher ones before it.
struct Windows {
  int64_t count, horizon, step;

  /// Rows of a series' end that they cover.
  int64_t rows() const { return horizon + (count - 1) * step; }
  /// The first row of a window of a series of so many rows.
  int64_t begin(int64_t rows, int64_t window) const { return rows - horizon - (window - 1) * step; }
};

Windows windows_of(const plan::ForecastTask& task, int64_t horizon) {
  const Windows windows{task.backtest, horizon, task.step.value_or(horizon)};
  if (windows.step < horizon && (task.plot || task.conformal == "adaptive"))
    fail<UsageError>(
        "--step {}: windows that overlap can be neither plotted nor learned from one after the other (leave "
        "out "
        "--plot and --conformal adaptive, or step by the horizon, {})",
        windows.step, horizon);
  return windows;
}

/// The seasonal naive errors of each forecast variate within the rows before the first stretch, [variates].
struct NaiveErrors {
  int64_t season;
  at::Tensor of_variate, squares;
  NaiveScale scale(int64_t variate) const {
    return {of_variate[variate].item<double>(), squares[variate].item<double>()};
  }
};

std::vector<NaiveErrors> naive_errors(const plan::ForecastTask& task, const ForecastModel& model,
                                      const std::vector<io::SeriesTable>& tables, const Windows& windows) {
  std::vector<NaiveErrors> errors;
  for (const auto& table : tables) {
    const auto season = task.season.value_or(io::usual_season(table.frequency));
    const auto known = static_cast<int64_t>(table.rows()) - windows.rows();
    const auto history = truth_of(table, model.forecast_variates(table), 0, known);
    errors.push_back({season, runtime::seasonal_naive_error(history, season),
                      runtime::seasonal_naive_square(history, season)});
  }
  return errors;
}

void require_rows(const ForecastModel& model, const std::vector<io::SeriesTable>& tables,
                  const Windows& windows) {
  for (const auto& table : tables) {
    const auto rows = static_cast<int64_t>(table.stamps.size()),
               needed = model.least_context() + windows.rows();
    if (rows < needed) {
      fail<DataError>("{}: series {} has {} rows, --backtest {} needs {} ({} and those of the windows)",
                      table.source, io::shown(table.unique_id), rows, windows.count, needed,
                      model.is_zero_shot() ? "one" : "seq_len");
    }
  }
}

/// How many of a table's stretches begin in [first, last].
int64_t stretches_within(const io::SeriesTable& table, const Windows& windows, io::Timestamp first,
                         io::Timestamp last) {
  int64_t within = 0;
  for (int64_t stretch = 1; stretch <= windows.count; ++stretch) {
    const auto begin = windows.begin(static_cast<int64_t>(table.rows()), stretch);
    const auto from = table.stamps[begin], to = table.stamps[begin + windows.horizon - 1];
    within += from <= last && to >= first ? 1 : 0;
  }
  return within;
}

/// The scores of one variate's stretch.
ForecastScores scores_of(const SeriesForecast& forecast, const at::Tensor& truth, int64_t variate,
                         const NaiveScale& naive) {
  ForecastScores scores;
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
void warn_of_seen_rows(const ForecastModel& model, const std::vector<io::SeriesTable>& tables,
                       const Windows& windows, Progress& progress) {
  std::string trained, validated;
  int64_t more_trained = 0, more_validated = 0;
  for (const auto& table : tables) {
    const auto* seen = model.seen_rows(table);
    if (seen == nullptr) continue;
    const auto within = [&](io::Timestamp last) {
      return stretches_within(table, windows, seen->first, last);
    };
    const auto say = [&](int64_t count, io::Timestamp last) {
      return fmt::format("{}: series {}: {} of {} windows reach into {} to {}", table.source,
                         io::shown(table.unique_id), count, windows.count,
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

/// One model's forecasts of all windows, scored.
struct Evaluation {
  ForecastScores all;
  std::map<std::string, ForecastScores> of_series;
  std::vector<double>
      errors;  ///< absolute errors over the naive one: a mean per window and series, NaN: none
  int64_t rows = 0;
  std::vector<std::vector<SeriesForecast>> stretches;  ///< for the charts
};

/// What all models of a backtest share.
struct Backtest {
  const plan::ForecastTask& task;
  const std::vector<io::SeriesTable>& tables;
  const std::vector<std::vector<std::string>>& ids;
  Windows windows;
  std::vector<NaiveErrors> naive;
  const io::SeriesOutput& out;  ///< says how stamps are written
};

double mean_scaled_error(const at::Tensor& forecast, const at::Tensor& truth, double scale) {
  return (forecast - truth).abs().nanmean().item<double>() / scale;
}

/// label: of the rows; csv: where they go, null: nowhere.
Evaluation evaluate(const Backtest& run, const ForecastModel& model, const std::string& label,
                    io::CsvText* csv, Progress& progress) {
  const auto& [task, tables, ids, windows, naive, out] = run;
  auto levels = asked_levels(task);
  levels.distribution = true;
  std::optional<AdaptiveIntervals> adaptive;
  if (task.conformal == "adaptive" && csv != nullptr) adaptive.emplace(task.levels, model);
  if (adaptive) levels.intervals = adaptive->asked();
  if (csv == nullptr) levels = {};
  Evaluation result;
  for (int64_t window = windows.count; window > 0; --window) {
    std::vector<io::SeriesTable> known;
    std::vector<KnownAhead> ahead;
    for (const auto& table : tables) {
      const auto begin = windows.begin(static_cast<int64_t>(table.rows()), window);
      known.push_back(io::first_rows(table, static_cast<std::size_t>(begin)));
      if (!model.roles().future.empty())
        ahead.push_back(held_out(table, model.roles().future, begin, windows.horizon));
    }
    auto forecasts = model.forecast(known, windows.horizon, levels, ahead);
    for (std::size_t i = 0; adaptive && i < tables.size(); ++i) adaptive->adapt(forecasts[i], ids[i]);
    if (task.plot && csv != nullptr) result.stretches.push_back(forecasts);
    for (std::size_t i = 0; i < tables.size(); ++i) {
      const auto begin = static_cast<int64_t>(known[i].stamps.size());
      const auto truth = truth_of(tables[i], forecasts[i].variates, begin, begin + windows.horizon);
      const auto cutoff = out.stamp(tables[i].date_format, known[i].stamps.back());
      for (int64_t c = 0; c < truth.size(1); ++c) {
        const auto scored = scores_of(forecasts[i], truth.select(1, c), c, naive[i].scale(c));
        result.all.add(scored);
        result.of_series[ids[i][c]].add(scored);
        result.errors.push_back(mean_scaled_error(forecasts[i].mean.select(1, c), truth.select(1, c),
                                                  naive[i].scale(c).absolute));
        if (csv != nullptr)
          write_stretch(out, *csv, tables[i], forecasts[i], truth, cutoff, label, ids[i][c], c);
        result.rows += windows.horizon;
      }
      if (adaptive) adaptive->learn(forecasts[i], truth, ids[i]);
    }
    progress.step();
  }
  return result;
}

/// A model to compare with. label: as it was named; one that nobody named is not written.
struct Rival {
  std::string label;
  ForecastModel model;
  bool written;
};

/// The seasonal naive forecast among them.
std::vector<Rival> open_rivals(const Backtest& run, const ForecastModel& model) {
  auto names = run.task.against;
  const bool named = std::find(names.begin(), names.end(), kNaiveBaseline) != names.end();
  if (!named) names.emplace_back(kNaiveBaseline);
  const auto compute = runtime::select_compute(run.task.compute.device, run.task.compute.dtype);
  const auto& table = run.tables.front();
  const auto targets = model.forecast_variates(table);
  std::vector<Rival> rivals;
  for (const auto& name : names) {
    if (name == model.name()) continue;
    Rival rival{name, ForecastModel::open(name, std::nullopt, compute), named || name != kNaiveBaseline};
    if (rival.model.is_zero_shot() && targets != table.variates) rival.model.set_roles({targets, {}, {}, {}});
    if (rival.model.is_zero_shot()) rival.model.set_season(run.task.season);
    if (rival.model.forecast_variates(table) != targets)
      fail<UsageError>("--against {}: forecasts {}, expected the columns of {}: {}", name,
                       first_few(rival.model.forecast_variates(table), io::shown), model.name(),
                       first_few(targets, io::shown));
    require_rows(rival.model, run.tables, run.windows);
    rivals.push_back(std::move(rival));
  }
  return rivals;
}

/// {"baseline", "tasks", "models": [{"model", "mase", "mae", "skill", …}]}, the best first.
Json leaderboard_of(const std::vector<std::pair<std::string, Evaluation>>& evaluated) {
  std::vector<TaskErrors> errors;
  for (const auto& [name, evaluation] : evaluated) errors.push_back({name, evaluation.errors});
  Json models = leaderboard_json(leaderboard(errors, kNaiveBaseline));
  for (auto& row : models) {
    for (const auto& [name, evaluation] : evaluated) {
      if (row.at("model") != name) continue;
      const auto scores = evaluation.all.json();
      row["mase"] = scores.at("mase");
      row["mae"] = scores.at("mae");
    }
    row.erase("mean_error");
  }
  return {
      {"baseline", kNaiveBaseline}, {"tasks", errors.front().errors.size()}, {"models", std::move(models)}};
}

/// How the model compares. csv receives the rivals' rows.
Json compare(const Backtest& run, const ForecastModel& model, Evaluation& own, io::CsvText& csv,
             Progress& progress) {
  std::vector<std::pair<std::string, Evaluation>> evaluated{{model.name(), own}};
  for (const auto& rival : open_rivals(run, model)) {
    progress.begin(rival.label, run.windows.count);
    evaluated.emplace_back(rival.label,
                           evaluate(run, rival.model, rival.label, rival.written ? &csv : nullptr, progress));
    progress.end();
    if (rival.written) own.rows += evaluated.back().second.rows;
  }
  return leaderboard_of(evaluated);
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

int64_t rows_of_backtest(const plan::ForecastTask& task, int64_t horizon) {
  return task.backtest > 0 ? windows_of(task, horizon).rows() : 0;
}

Json backtest(const plan::ForecastTask& task, const ForecastModel& model,
              const std::vector<io::SeriesTable>& tables, const std::vector<std::vector<std::string>>& ids,
              int64_t horizon, const io::SeriesOutput& out, io::CsvText& csv, Progress& progress,
              std::vector<SeriesForecast>& charted) {
  const auto windows = windows_of(task, horizon);
  require_rows(model, tables, windows);
  warn_of_seen_rows(model, tables, windows, progress);
  const Backtest run{task, tables, ids, windows, naive_errors(task, model, tables, windows), out};
  progress.begin("backtest", task.backtest);
  auto own = evaluate(run, model, model.name(), &csv, progress);
  progress.end();
  charted = joined(own.stretches);
  auto leaderboard = compare(run, model, own, csv, progress);
  Json result{{"windows", task.backtest}, {"rows", own.rows}};
  result.update(own.all.json());
  for (std::size_t i = 0; i < tables.size(); ++i) {
    for (std::size_t c = 0; c < ids[i].size(); ++c) {
      auto& series = result["series"][ids[i][c]] = own.of_series[ids[i][c]].json();
      const auto scale = run.naive[i].of_variate[static_cast<int64_t>(c)].item<double>();
      series["season"] = run.naive[i].season;
      series["naive_mae"] = std::isnan(scale) ? Json(nullptr) : Json(scale);
    }
  }
  result["leaderboard"] = std::move(leaderboard);
  return result;
}

}  // namespace arzoo::forecast
