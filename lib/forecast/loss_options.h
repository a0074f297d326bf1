#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/training_options.h"

namespace arzoo::forecast {

/// What the training of a forecaster minimises. No torch in here.
struct LossOptions {
  static constexpr std::size_t kMostQuantiles = 99;

  std::string loss = "mse";
  double huber_delta = 1.0;
  std::vector<double> quantiles = {0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975};

  static void fields(auto& o, auto& field) {
    Rule share;
    share.minimum = 0.0;
    share.maximum = 1.0;
    share.above_minimum = share.below_maximum = true;
    field(
        "loss", o.loss, one_of({"mse", "mae", "huber", "quantile", "student_t", "normal"}),
        "mse, mae, huber: of a point forecast (mse: the loss of its own of a model that has one); quantile, "
        "student_t, normal: of a distribution, which a head beside the model learns");
    field("huber_delta", o.huber_delta, more_than(0),
          "loss huber: errors up to this many standard deviations of the series count squared, larger ones "
          "linearly");
    field("quantiles", o.quantiles, nonempty(share),
          "loss quantile: levels to forecast, ascending; the median is always one of them");
  }
  void check() const {
    require(quantiles.size() <= kMostQuantiles, "quantiles: at most {} levels, got {}", kMostQuantiles,
            quantiles.size());
    for (std::size_t i = 1; i < quantiles.size(); ++i)
      require(quantiles[i - 1] < quantiles[i], "quantiles must ascend, got {} before {}", quantiles[i - 1],
              quantiles[i]);
    require(quantiles.size() > 1 || quantiles.front() != 0.5,
            "quantiles: the median alone is no distribution, expected another level beside it (or loss mae)");
  }
  bool has_distribution() const { return loss == "quantile" || loss == "student_t" || loss == "normal"; }
  /// `quantiles` with the median.
  std::vector<double> levels_with_median() const {
    auto levels = quantiles;
    const auto place = std::lower_bound(levels.begin(), levels.end(), 0.5);
    if (place == levels.end() || *place != 0.5) levels.insert(place, 0.5);
    return levels;
  }
};

/// The "training" section of a forecaster's config.
struct ForecastTrainingOptions : runtime::TrainingOptions, LossOptions {
  static void fields(auto& o, auto& field) {
    runtime::TrainingOptions::fields(o, field);
    LossOptions::fields(o, field);
  }
  void check() const {
    runtime::TrainingOptions::check();
    LossOptions::check();
  }
};

}  // namespace arzoo::forecast
