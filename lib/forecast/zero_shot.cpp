#include "forecast/zero_shot.h"

#include <torch/torch.h>

#include <chrono>

#include "core/run_dir.h"
#include "core/stop.h"
#include "forecast/baselines.h"
#include "forecast/forecast_model.h"
#include "forecast/zero_shot_windows.h"
#include "runtime/epoch_order.h"
#include "runtime/metrics.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostTokens = 32768;  // of a batch

/// history [R, T] on the CPU to [R, horizon].
using Forecasts = std::function<at::Tensor(const at::Tensor& history)>;

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
  return [linear](const at::Tensor& history) { return linear->forecast(history); };
}

Forecasts opened_model(const ZeroShotOptions& cell, const runtime::Compute& compute) {
  const auto model = std::make_shared<const ForecastModel>(
      ForecastModel::open(model_place(cell.model), std::nullopt, compute));
  return [model, horizon = cell.horizon](const at::Tensor& history) {
    return model->forecast_rows(history, horizon);
  };
}

/// The forecasts of each history standardised by its mean and unbiased standard deviation, scaled back.
Forecasts by_context(Forecasts inner) {
  return [inner = std::move(inner)](const at::Tensor& history) {
    const auto mean = history.mean(1, true), stddev = history.std(1, true, true);
    const auto scale = at::where(stddev > 0, stddev, at::ones_like(stddev));
    return inner((history - mean) / scale) * scale + mean;
  };
}

Forecasts forecasts_of(const ZeroShotOptions& cell, const ZeroShotWindows& windows, const Json& fit,
                       const runtime::Compute& compute) {
  if (cell.baseline == "linear") return fitted_linear(cell, windows, fit);
  if (cell.baseline == "seasonal_naive") {
    return [cell](const at::Tensor& history) { return seasonal_naive(history, cell.horizon, cell.season); };
  }
  auto model = opened_model(cell, compute);
  return cell.scale == "context" ? by_context(std::move(model)) : model;
}

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
    progress.begin("windows", all);
    for (int64_t first = 0; first < all; first += at_once) {
      const auto count = std::min(at_once, all - first);
      const auto batch = windows.batch(std::span(chosen).subspan(first, count));
      errors.add(forecast(batch.x_enc.squeeze(-1)).unsqueeze(-1), batch.target, batch.measured);
      progress.step({}, count);
      stop_if_asked(stop, "forecasting windows");
    }
    progress.end();
    return {{"test", {{"mse", errors.mse()}, {"mae", errors.mae()}}}, {"windows", all}};
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
