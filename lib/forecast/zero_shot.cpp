#include "forecast/zero_shot.h"

#include <torch/torch.h>

#include <chrono>

#include "core/run_dir.h"
#include "core/stop.h"
#include "forecast/baselines/baselines.h"
#include "forecast/forecast_model.h"
#include "forecast/scores/forecast_scores.h"
#include "forecast/zero_shot_windows.h"
#include "runtime/epoch_order.h"
#include "runtime/metrics.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostTokens = 32768;  // of a batch

/// history [R, T] on the CPU to the horizon's steps.
using RowForecasts = ForecastModel::RowForecasts;
using Forecasts = std::function<RowForecasts(const at::Tensor& history)>;

bool is_csv(const std::string& path) { return path.ends_with(".csv") || path.ends_with(".csv.gz"); }

ZeroShotWindows open_windows(const ZeroShotOptions& cell) {
  if (!is_csv(cell.data)) return {*open_sequences(cell.data), cell.data, cell.context, cell.horizon};
  io::SeriesReadOptions options;
  options.columns = cell.columns;
  options.missing = missing_policy(cell.missing);
  const auto file = io::read_series(cell.data, options);
  if (file.tables.size() > 1) {
    fail<DataError>("{}: {} series, expected a wide file (a date column and a column per series)", cell.data,
                    file.tables.size());
  }
  return {file.tables.front(), fs::path(cell.data).filename().string(), cell.context, cell.horizon};
}

/// All windows of each row of training data, in batches.
void add_windows(LinearBaseline& linear, const at::Tensor& rows, int64_t context, int64_t horizon) {
  const int64_t windows = rows.size(0) - context - horizon + 1;
  for (int64_t first = 0; first < windows; first += kMostTokens / 8) {
    const int64_t count = std::min(windows - first, kMostTokens / 8);
    const auto parts =
        rows.narrow(0, first, count + context + horizon - 1).unfold(0, context + horizon, 1);  // a view
    linear.add(parts.narrow(1, 0, context), parts.narrow(1, context, horizon));
  }
}

/// The training rows of all series that a resolved training config names.
std::vector<at::Tensor> training_rows(const ZeroShotOptions& cell, Json config) {
  auto& section = config["data"];
  section["seq_len"] = cell.context;
  section["label_len"] = 0;
  section["pred_len"] = cell.horizon;
  const auto options = Config(section, cell.fit, "/data").as<DataOptions>();
  std::vector<std::string> notes;
  const SeriesData data(read_sources(options, notes), options);
  std::vector<at::Tensor> rows;
  for (const auto& series : data.series()) {
    const auto border = series.borders[0];
    const auto training = series.values.narrow(0, border.begin, border.end - border.begin).clone();
    series.gaps.hide_future(training.mutable_data_ptr<float>(), border.begin, training.size(0), border.end);
    for (int64_t c = 0; c < training.size(1); ++c) rows.push_back(training.select(1, c));
  }
  return rows;
}

/// fit: the resolved training config that cell.fit names, or null.
Forecasts fitted_linear(const ZeroShotOptions& cell, const ZeroShotWindows& windows, const Json& fit) {
  auto linear = std::make_shared<LinearBaseline>(cell.context, cell.horizon);
  for (const auto& rows : fit.is_null() ? windows.training() : training_rows(cell, fit))
    add_windows(*linear, rows, cell.context, cell.horizon);
  if (linear->windows() == 0) {
    fail<DataError>("{}: no training window of context {} and horizon {} to fit a linear map on", cell.data,
                    cell.context, cell.horizon);
  }
  linear->solve();
  return [linear](const at::Tensor& history) { return RowForecasts{linear->forecast(history)}; };
}

Forecasts opened_model(const ZeroShotOptions& cell, const runtime::Compute& compute) {
  const auto model = std::make_shared<const ForecastModel>(
      ForecastModel::open(model_place(cell.model), std::nullopt, compute));
  const auto levels = cell.scores == "all" ? DistributionScores::levels() : std::vector<double>();
  return [model, levels, horizon = cell.horizon](const at::Tensor& history) {
    return model->forecast_rows(history, horizon, levels);
  };
}

/// The forecasts of each history standardised by its mean and unbiased standard deviation, scaled back.
Forecasts by_context(Forecasts inner) {
  return [inner = std::move(inner)](const at::Tensor& history) {
    const auto mean = history.mean(1, true), stddev = history.std(1, true, true);
    const auto scale = at::where(stddev > 0, stddev, at::ones_like(stddev));
    auto found = inner((history - mean) / scale);
    found.point = found.point * scale + mean;
    if (found.quantiles.defined()) found.quantiles = found.quantiles * scale.unsqueeze(1) + mean.unsqueeze(1);
    return found;
  };
}

Forecasts forecasts_of(const ZeroShotOptions& cell, const ZeroShotWindows& windows, const Json& fit,
                       const runtime::Compute& compute) {
  if (cell.baseline == "linear") return fitted_linear(cell, windows, fit);
  if (cell.baseline == "seasonal_naive") {
    return [cell](const at::Tensor& history) {
      return RowForecasts{seasonal_naive(history, cell.horizon, cell.season)};
    };
  }
  auto model = opened_model(cell, compute);
  return cell.scale == "context" ? by_context(std::move(model)) : model;
}

/// Where a batch's target was measured: everywhere unless it says otherwise.
at::Tensor measured_targets(const ForecastBatch& batch) {
  return batch.measured.defined() ? batch.measured : at::ones_like(batch.target, at::kBool);
}

/// Errors in units of each series' seasonal naive error on its training rows, and quantile losses.
class ScaledScores {
 public:
  ScaledScores(const ZeroShotWindows& windows, int64_t season) : windows_(windows) {
    for (const auto& rows : windows.training())
      scales_.push_back(
          runtime::seasonal_naive_error(rows.to(at::kDouble).unsqueeze(1), season).item<double>());
  }

  /// Of windows `numbers`; truth, measured: [R, horizon].
  void add(const RowForecasts& forecasts, std::span<const int64_t> numbers, const at::Tensor& truth,
           const at::Tensor& measured) {
    if (scales_.empty()) return;  // sequences have no training rows
    auto scale = at::empty({truth.size(0), 1}, at::kDouble);
    for (std::size_t i = 0; i < numbers.size(); ++i)
      scale[static_cast<int64_t>(i)] = scales_[static_cast<std::size_t>(windows_.series_of(numbers[i]))];
    const auto counted = measured.logical_and(scale.isfinite());
    const auto sum = [&](const at::Tensor& values) {
      return at::where(counted, values.to(at::kDouble), 0.0).sum().item<double>();
    };
    count_ += counted.sum().item<int64_t>();
    errors_ += sum((forecasts.point - truth).abs() / scale);
    if (!forecasts.quantiles.defined()) return;
    const auto& levels = DistributionScores::levels();
    for (std::size_t q = 0; q < levels.size(); ++q) {
      const auto loss =
          runtime::quantile_loss(forecasts.quantiles.select(1, static_cast<int64_t>(q)), truth, levels[q]);
      losses_ += sum(loss);
      scaled_losses_ += sum(loss / scale);
    }
    magnitudes_ += sum(truth.abs());
  }
  void write(Json& test) const {
    if (count_ == 0) return;
    const auto count = static_cast<double>(count_),
               levels = static_cast<double>(DistributionScores::levels().size());
    test["mase"] = errors_ / count;
    if (magnitudes_ == 0.0) return;
    test["wql"] = losses_ / (levels * magnitudes_);
    test["sql"] = scaled_losses_ / (levels * count);
  }

 private:
  const ZeroShotWindows& windows_;
  std::vector<double> scales_;
  double errors_ = 0.0, losses_ = 0.0, scaled_losses_ = 0.0, magnitudes_ = 0.0;
  int64_t count_ = 0;
};

class ZeroShotCell final : public runtime::CellOf<ZeroShotOptions> {
 public:
  ZeroShotCell(ZeroShotOptions options, const runtime::CellContext& context) : CellOf(std::move(options)) {
    inputs_ = {options_.data, options_.fit};
    if (!options_.model.empty()) {
      const auto folder = model_place(options_.model);
      // A folder without it is not there as a model.
      inputs_.push_back(folder / "config.json");
      inputs_.push_back(folder);
    }
    if (options_.fit.empty() || !fs::exists(options_.fit)) return;
    fit_ = context.resolve_config(options_.fit);
    const auto fitted = context.config_inputs(fit_);
    inputs_.insert(inputs_.end(), fitted.begin(), fitted.end());
  }

  std::vector<fs::path> inputs() const override { return inputs_; }

  Json run(const runtime::Compute& compute, Progress& progress, Stop stop) const override {
    const auto& cell = options_;
    const c10::InferenceMode inference;
    const auto windows = open_windows(cell);
    const auto forecast = forecasts_of(cell, windows, fit_, compute);
    const auto chosen = runtime::spread_items(windows.size(), cell.max_windows);
    const auto all = static_cast<int64_t>(chosen.size()),
               at_once = std::max<int64_t>(1, kMostTokens / (cell.context + cell.horizon));
    runtime::ErrorSums errors;
    ScaledScores scaled(windows, cell.season);
    progress.begin("windows", all);
    for (int64_t first = 0; first < all; first += at_once) {
      const auto count = std::min(at_once, all - first);
      const auto numbers = std::span(chosen).subspan(first, count);
      const auto batch = windows.batch(numbers);
      const auto found = forecast(batch.x_enc.squeeze(-1));
      errors.add(found.point.unsqueeze(-1), batch.target, batch.measured);
      scaled.add(found, numbers, batch.target.squeeze(-1), measured_targets(batch).squeeze(-1));
      progress.step({}, count);
      stop_if_asked(stop, "forecasting windows");
    }
    progress.end();
    Json test{{"mse", errors.mse()}, {"mae", errors.mae()}};
    if (cell.scores == "all") scaled.write(test);
    return {{"test", std::move(test)}, {"windows", all}};
  }

 private:
  std::vector<fs::path> inputs_;
  Json fit_;  ///< resolved; null where none is named
};

}  // namespace

std::shared_ptr<const runtime::Evaluation> read_zero_shot(const Config& cell,
                                                          const runtime::CellContext& context) {
  auto options = cell.as<ZeroShotOptions>();
  context.find_model(options.model);
  context.find_file(options.data);
  context.find_file(options.fit);
  return std::make_shared<ZeroShotCell>(std::move(options), context);
}

}  // namespace arzoo::forecast
