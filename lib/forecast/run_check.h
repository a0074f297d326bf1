#pragma once

#include <fmt/ranges.h>

#include <string>
#include <tuple>
#include <vector>

#include "forecast/data_options.h"
#include "forecast/loss_options.h"
#include "forecast/models.h"
#include "forecast/shape_check.h"

/// What must hold between a forecaster and its data. No torch in here.
namespace arzoo::forecast {

/// The names of the models whose options `has` says yes to.
template <class Has>
std::vector<std::string> names_of_models(const Has& has) {
  std::vector<std::string> names;
  const auto add = [&](const auto& options) {
    if (has(options)) names.emplace_back(std::decay_t<decltype(options)>::kName);
  };
  std::apply([&](const auto&... options) { (add(options), ...); }, Models());
  return names;
}

/// The models that forecast any series.
inline std::vector<std::string> models_for_any_series() {
  return names_of_models([](const auto& o) { return forecasts_any_series<std::decay_t<decltype(o)>>(); });
}

/// The models that use covariates.
inline std::vector<std::string> models_with_covariates() {
  return names_of_models([](const auto& o) { return takes_covariates<std::decay_t<decltype(o)>>(); });
}

/// A loss in place of a model's own would be another method under its name.
template <class Options>
void check_loss(const Config& model, const Config& training) {
  const auto loss = training.text("loss");
  if (loss != "mse" && has_own_loss(model_options<Options>(model)))
    training.at("loss").reject(fmt::format(
        "{} is trained by a loss of its own and cannot take \"{}\" (leave loss out)", Options::kName, loss));
}

/// One forecaster's demands on its data and training; nothing for another model's.
template <class Options>
void check_forecaster(const Config& model, const Config& section, const Config& training) {
  if (model.text("name") != Options::kName) return;
  check_loss<Options>(model, training);
  const auto data = section.as<DataOptions>();
  if (!data.sources.empty() && !is_channel_independent<Options>()) {
    section.at("sources").reject(
        fmt::format("{} mixes the variates of one file, it cannot be trained on a mixture of files (use "
                    "\"path\", or a model that forecasts each variate by itself)",
                    Options::kName));
  }
  if constexpr (!takes_covariates<Options>()) {
    for (const char* key : {"past_covariates", "future_covariates", "static_covariates"}) {
      if (!section.json().at(key).empty())
        section.at(key).reject(fmt::format("{} cannot use covariates (the models {} can)", Options::kName,
                                           fmt::join(models_with_covariates(), ", ")));
    }
  }
  if constexpr (!forecasts_any_series<Options>()) {
    const auto refuse = [&](const char* key, const char* what) {
      section.at(key).reject(fmt::format("{} {} (the model {} can be)", Options::kName, what,
                                         fmt::join(models_for_any_series(), " or ")));
    };
    if (!data.sequences.path.empty()) refuse("sequences", "cannot be trained on series without a calendar");
    if (data.scale_windows) refuse("scale_windows", "cannot be trained to forecast any series");
  }
  if (data.random_cuts && !cuts_at_random<Options>())
    section.at("random_cuts")
        .reject(fmt::format("{} cannot be tuned on them (the model chronos2 can be)", Options::kName));
  const SeriesShape shape{.seq_len = data.seq_len, .label_len = data.label_len, .pred_len = data.pred_len};
  check_shape(model_options<Options>(model), shape, model);
}

/// run: a resolved config. Throws ConfigError.
inline void check_run(const Config& run) {
  check_calendar(run);
  const auto model = run.at("model"), data = run.at("data"), training = run.at("training");
  std::apply(
      [&](const auto&... options) {
        (check_forecaster<std::decay_t<decltype(options)>>(model, data, training), ...);
      },
      Models());
}

}  // namespace arzoo::forecast
