#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/progress.h"
#include "runtime/suite_cell.h"

namespace arzoo::forecast {

/// A cell of a zero-shot table: how well a model, or a baseline, forecasts a file that it was not trained on.
struct ZeroShotOptions {
  std::string model;
  std::string baseline;
  std::string data;
  std::vector<std::string> columns;
  std::string missing = "error";
  int64_t context = 512;
  int64_t horizon = 96;
  std::string scale = "series";
  int64_t season = 24;
  std::string fit;
  std::string scores = "point";
  int64_t max_windows = 0;

  static void fields(auto& o, auto& field) {
    constexpr double kMost = 1e7;
    field("model", o.model, {},
          "name of one of the suite's models, or the model's folder, relative to the suite");
    field("baseline", o.baseline, one_of({"", "seasonal_naive", "linear"}),
          "in place of a model: seasonal_naive repeats the last season, linear is one linear map fitted in "
          "closed form");
    field("data", o.data, {},
          "CSV file, whose test rows are forecast, or sequences (data.sequences of a training config)");
    field("columns", o.columns, {}, "columns to forecast, all when empty");
    field("missing", o.missing, one_of({"error", "ffill", "interpolate"}), "as in a training config");
    field("context", o.context, between(1, kMost), "steps of history that the model sees");
    field("horizon", o.horizon, between(1, kMost), "steps to forecast");
    field(
        "scale", o.scale, one_of({"series", "context"}),
        "series: by the file's training rows alone, the official protocol; context: each history also by its "
        "own mean and standard deviation before the model sees it, as arzoo forecast does; errors are of the "
        "former scale");
    field("season", o.season, between(1, kMost), "steps of the season that seasonal_naive and MASE repeat");
    field("fit", o.fit, {},
          "training config whose training windows linear is fitted on, so that it has not seen the file "
          "either; "
          "the file's own training rows when empty");
    field("scores", o.scores, one_of({"point", "all"}),
          "point: MSE and MAE; all: MASE too, and of models with quantiles the weighted and the scaled "
          "quantile "
          "loss at 0.1, ..., 0.9");
    field("max_windows", o.max_windows, at_least(0), "windows, evenly spread; 0 for all");
  }
  void check() const {
    require(!data.empty(), "data is missing (the file to forecast)");
    require(model.empty() != baseline.empty(), "exactly one of model and baseline must be given");
    require(baseline != "seasonal_naive" || season <= context, "season ({}) must not exceed context ({})",
            season, context);
  }
};

/// A cell of forecasts: its run forecasts the windows and returns {"test": {"mse", "mae"[, "mase", "wql",
/// "sql"]}, "windows"}. Throws
/// DataError, CheckpointError, and UsageError for a model that forecasts only what it was trained on.
std::shared_ptr<const runtime::Evaluation> read_zero_shot(const Config& cell,
                                                          const runtime::CellContext& context);

}  // namespace arzoo::forecast
