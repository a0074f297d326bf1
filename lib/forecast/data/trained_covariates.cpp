#include "forecast/data/trained_covariates.h"

#include <torch/torch.h>

#include "core/display_text.h"
#include "forecast/data/series_data.h"
#include "io/csv.h"

namespace arzoo::forecast {
namespace {

/// Scales values [rows, width] from number `first` on and writes them to `to`.
void write_scaled(const std::vector<double>& values, std::size_t first, const StandardScaler& scaler,
                  float* to) {
  const std::size_t width = scaler.mean.size();
  for (std::size_t i = first; i < values.size(); ++i)
    *to++ = scaler.transform(values[i], static_cast<int64_t>(i % width));
}

}  // namespace

StandardScaler read_scaler(const Config& config, const char* key, int64_t width) {
  auto scaler = config.as<StandardScaler>();
  if (static_cast<int64_t>(scaler.mean.size()) != width)
    config.reject(fmt::format("expected {} = {} numbers, got {}", key, width, scaler.mean.size()));
  return scaler;
}

std::map<std::string, StandardScaler> read_scalers(const Config& config, const char* key, int64_t width) {
  std::map<std::string, StandardScaler> scalers;
  for (const auto& [id, scaler] : config.members()) scalers.emplace(id, read_scaler(scaler, key, width));
  return scalers;
}

TrainedCovariates::TrainedCovariates(const Config& config, const SeriesShape& shape, bool scale)
    : roles_(config.at("roles").as<CovariateRoles>()),
      categories_(read_categories(config.at("categories"))),
      channels_(channels_of(roles_, categories_)),
      scale_(scale),
      pred_len_(shape.pred_len) {
  const auto expect = [&](const char* key, int64_t wanted, std::size_t found) {
    if (static_cast<int64_t>(found) != wanted)
      config.at("roles").reject(fmt::format("{} channels, expected {} = {}", found, key, wanted));
  };
  expect("enc_in", shape.enc_in, channels_.variates.size());
  expect("c_out", shape.c_out, roles_.targets.size());
  expect("known_in", shape.known_in, channels_.known.size());
  expect("static_in", shape.static_in, channels_.statics.size());
  if (shape.known_in > 0)
    known_scalers_ = read_scalers(config.at("known_scalers"), "known_in", shape.known_in);
  if (shape.static_in > 0)
    static_scaler_ = read_scaler(config.at("static_scaler"), "static_in", shape.static_in);
}

void TrainedCovariates::require(const std::string& model, std::size_t tables, std::size_t ahead,
                                int64_t horizon) const {
  if (roles_.future.empty() && ahead > 0)
    fail<UsageError>("--future: the model {} was trained without covariates that are known ahead", model);
  if (!roles_.future.empty() && ahead != tables)
    fail<UsageError>(
        "--future is required: the model {} was trained with covariates that are known ahead ({}), give a "
        "file with them for each step to forecast",
        model, first_few(roles_.future, io::shown));
  if (roles_.past.empty() || horizon <= pred_len_) return;
  // Nothing forecasts them for a second round.
  fail<UsageError>(
      "--horizon {}: beyond {} steps the model would need the past covariates {} of the steps ahead (ask for "
      "fewer steps, or train with a longer pred_len)",
      horizon, pred_len_, first_few(roles_.past, io::shown));
}

/// The series' own of training; of one file's only series, whatever it is called now; else of all its rows.
StandardScaler TrainedCovariates::known_scaler_for(const io::SeriesTable& known) const {
  if (!scale_) return StandardScaler::identity(static_cast<int64_t>(channels_.known.size()));
  const auto own = known_scalers_.find(known.unique_id);
  if (own != known_scalers_.end()) return own->second;
  if (known_scalers_.size() == 1) return known_scalers_.begin()->second;
  return fit_known_scaler(known, channels_.known, 0, static_cast<int64_t>(known.rows()));
}

at::Tensor TrainedCovariates::known(const io::SeriesTable& table, const KnownAhead* ahead, int64_t context,
                                    int64_t horizon) const {
  const auto width = static_cast<int64_t>(channels_.known.size());
  if (width == 0) return {};
  const auto history = channels_.known.of(table);
  const auto scaler = known_scaler_for(history);
  auto values = at::empty({context + horizon, width}, at::kFloat);
  auto* to = values.mutable_data_ptr<float>();
  const auto first = (static_cast<int64_t>(history.rows()) - context) * width;
  write_scaled(history.values, static_cast<std::size_t>(first), scaler, to);
  auto future = channels_.known.expand(ahead->values);
  future.resize(static_cast<std::size_t>(horizon * width));
  write_scaled(future, 0, scaler, to + context * width);
  return values;
}

at::Tensor TrainedCovariates::statics(const io::SeriesTable& table) const {
  if (channels_.statics.size() == 0) return {};
  auto values = at::empty({static_cast<int64_t>(channels_.statics.size())}, at::kFloat);
  write_scaled(channels_.statics.constants(table), 0, static_scaler_, values.mutable_data_ptr<float>());
  return values;
}

}  // namespace arzoo::forecast
