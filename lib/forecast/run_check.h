#pragma once

#include <fmt/ranges.h>

#include <string>
#include <tuple>
#include <vector>

#include "forecast/data_options.h"
#include "forecast/models.h"
#include "forecast/shape_check.h"

/// What must hold between a forecaster and its data. No torch in here.
namespace arzoo::forecast {

/// The models that forecast any series.
inline std::vector<std::string> models_for_any_series() {
  std::vector<std::string> names;
  const auto add = [&]<class Options>(const Options&) {
    if (forecasts_any_series<Options>()) names.emplace_back(Options::kName);
  };
  std::apply([&](const auto&... options) { (add(options), ...); }, Models());
  return names;
}

/// One forecaster's demands on its data; nothing for another model's.
template <class Options>
void check_forecaster(const Config& model, const Config& section) {
  if (model.text("name") != Options::kName) return;
  const auto data = section.as<DataOptions>();
  if (!data.sources.empty() && !is_channel_independent<Options>()) {
    section.at("sources").reject(
        fmt::format("{} mixes the variates of one file, it cannot be trained on a mixture of files (use "
                    "\"path\", or a model that forecasts each variate by itself)",
                    Options::kName));
  }
  if constexpr (!forecasts_any_series<Options>()) {
    const auto refuse = [&](const char* key, const char* what) {
      section.at(key).reject(fmt::format("{} {} (the model {} can be)", Options::kName, what,
                                         fmt::join(models_for_any_series(), " or ")));
    };
    if (!data.sequences.path.empty()) refuse("sequences", "cannot be trained on series without a calendar");
    if (data.scale_windows) refuse("scale_windows", "cannot be trained to forecast any series");
  }
  const SeriesShape shape{.seq_len = data.seq_len, .label_len = data.label_len, .pred_len = data.pred_len};
  check_shape(model_options<Options>(model), shape, model);
}

/// run: a resolved config. Throws ConfigError.
inline void check_run(const Config& run) {
  check_calendar(run);
  const auto model = run.at("model"), data = run.at("data");
  std::apply(
      [&](const auto&... options) { (check_forecaster<std::decay_t<decltype(options)>>(model, data), ...); },
      Models());
}

}  // namespace arzoo::forecast
