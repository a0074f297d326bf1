#include "forecast/commands/backtest_evaluation.h"

#include <torch/torch.h>

#include <cmath>
#include <optional>

#include "forecast/baselines/baseline_models.h"
#include "forecast/commands/forecast_columns.h"
#include "forecast/commands/refit.h"
#include "forecast/scores/adaptive_conformal.h"
#include "io/series_fill.h"

namespace arzoo::forecast {
namespace {

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

/// Absolute errors over the naive one at each step, summed over windows and series.
class StepErrors {
 public:
  explicit StepErrors(int64_t horizon)
      : sums_(at::zeros({horizon}, at::kDouble)), counts_(at::zeros({horizon}, at::kDouble)) {}

  /// forecast, truth: [horizon]; naive: NaN where the series has none.
  void add(const at::Tensor& forecast, const at::Tensor& truth, double naive) {
    if (std::isnan(naive)) return;
    const auto error = (forecast - truth).abs() / naive;
    counts_ += error.isnan().logical_not();
    sums_ += error.nan_to_num(0.0);
  }
  std::vector<double> means() const {
    const auto means = (sums_ / counts_).contiguous();
    return {means.const_data_ptr<double>(), means.const_data_ptr<double>() + means.numel()};
  }

 private:
  at::Tensor sums_, counts_;
};

/// The model of each window: as it was opened, or trained again on what was known.
class FittedModel {
 public:
  FittedModel(const Backtest& run, const Candidate& candidate) : run_(run), candidate_(candidate) {
    const auto& refit = run.task.refit;
    if (!refit) return;
    if (make_baseline(candidate.place)) {
      fitted_ = "at each window";
      return;
    }
    if (*refit > 0) config_ = training_config(candidate.place);
    fitted_ = config_ ? Json::array() : Json("before the backtest");
  }

  /// number: of the window, 0 for the earliest; known: the rows before it.
  const ForecastModel& at(int64_t number, const std::vector<io::SeriesTable>& known) {
    if (config_ && number % *run_.task.refit == 0) fit(known);
    return again_ ? *again_ : candidate_.model;
  }
  const Json& fitted() const { return fitted_; }

 private:
  void fit(const std::vector<io::SeriesTable>& known) {
    const auto& last = known.front();
    const auto stamp = last.date_format.format(last.stamps.back());
    run_.context.progress.note(fmt::format("{}: trained again on the rows to {}", candidate_.label, stamp));
    try {
      again_.emplace(refitted(*config_, known, run_.task, run_.context));
    } catch (const Interrupted&) {
      throw;
    } catch (const Error& error) {
      throw Error(error.exit_code(),
                  fmt::format("--refit: {} on the rows to {}: {}", candidate_.label, stamp, error.what()));
    }
    if (again_->is_zero_shot()) {
      if (!candidate_.model.roles().empty()) again_->set_roles(candidate_.model.roles());
      again_->set_season(run_.task.season);
    }
    fitted_.push_back(stamp);
  }

  const Backtest& run_;
  const Candidate& candidate_;
  std::optional<Json> config_;  ///< of the training that is repeated
  std::optional<ForecastModel> again_;
  Json fitted_ = nullptr;
};

/// Tables as they were before a window, and what was known of it.
struct Known {
  std::vector<io::SeriesTable> tables;
  std::vector<KnownAhead> ahead;
};

Known known_before(const Backtest& run, int64_t window, const std::vector<std::string>& known_ahead) {
  Known known;
  for (const auto& table : run.tables) {
    const auto begin = run.windows.begin(static_cast<int64_t>(table.rows()), window);
    known.tables.push_back(io::first_rows(table, static_cast<std::size_t>(begin)));
    if (!known_ahead.empty()) known.ahead.push_back(held_out(table, known_ahead, begin, run.windows.horizon));
  }
  return known;
}

double mean_scaled_error(const at::Tensor& forecast, const at::Tensor& truth, double scale) {
  return (forecast - truth).abs().nanmean().item<double>() / scale;
}

}  // namespace

Evaluation evaluate(const Backtest& run, const Candidate& candidate, io::CsvText* csv) {
  const auto& [task, tables, ids, windows, naive, out, context] = run;
  auto levels = csv == nullptr ? ForecastLevels() : asked_levels(task);
  levels.distribution = true;
  std::optional<AdaptiveIntervals> adaptive;
  if (task.conformal == "adaptive" && csv != nullptr) adaptive.emplace(task.levels, candidate.model);
  if (adaptive) levels.intervals = adaptive->asked();
  Evaluation result{.label = candidate.label, .all = {}, .of_series = {}, .errors = {}, .step_errors = {}};
  StepErrors steps(windows.horizon);
  FittedModel fitted(run, candidate);
  for (int64_t window = windows.count; window > 0; --window) {
    const auto known = known_before(run, window, candidate.model.roles().future);
    const auto& model = fitted.at(windows.count - window, known.tables);
    auto forecasts = model.forecast(known.tables, windows.horizon, levels, known.ahead);
    for (std::size_t i = 0; adaptive && i < tables.size(); ++i) adaptive->adapt(forecasts[i], ids[i]);
    if (task.plot && csv != nullptr) result.stretches.push_back(forecasts);
    for (std::size_t i = 0; i < tables.size(); ++i) {
      const auto begin = static_cast<int64_t>(known.tables[i].stamps.size());
      const auto truth = truth_of(tables[i], forecasts[i].variates, begin, begin + windows.horizon);
      const auto cutoff = out.stamp(tables[i].date_format, known.tables[i].stamps.back());
      for (int64_t c = 0; c < truth.size(1); ++c) {
        const auto of_variate = truth.select(1, c), mean = forecasts[i].mean.select(1, c);
        const auto scale = naive[i].scale(c);
        const auto scored = scores_of(forecasts[i], of_variate, c, scale);
        result.all.add(scored);
        result.of_series[ids[i][c]].add(scored);
        result.errors.push_back(mean_scaled_error(mean, of_variate, scale.absolute));
        steps.add(mean, of_variate, scale.absolute);
        if (csv != nullptr)
          write_stretch(out, *csv, tables[i], forecasts[i], truth, cutoff, candidate.label, ids[i][c], c);
        result.rows += windows.horizon;
      }
      if (adaptive) adaptive->learn(forecasts[i], truth, ids[i]);
    }
    if (task.report && window == 1) result.last = std::move(forecasts);
    context.progress.step();
  }
  result.step_errors = steps.means();
  result.fitted = fitted.fitted();
  return result;
}

}  // namespace arzoo::forecast
