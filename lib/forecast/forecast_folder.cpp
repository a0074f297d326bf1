#include "forecast/forecast_folder.h"

#include "forecast/data/seen_rows.h"
#include "forecast/loss_options.h"
#include "runtime/model_folder.h"
#include "runtime/named_tensors.h"

namespace arzoo::forecast {
namespace {

constexpr const char* kConformalFile = "conformal.safetensors";

/// The parts of the columns and all that a forecast needs to read them as training did.
Json covariates_json(const SeriesData& data) {
  Json json{{"roles", to_json(data.roles())}, {"categories", categories_json(data.categories())}};
  if (data.series().front().known.defined()) {
    for (const auto& series : data.series())
      json["known_scalers"][series.unique_id] = to_json(series.known_scaler);
  }
  if (data.series().front().statics.defined()) json["static_scaler"] = to_json(data.static_scaler());
  return json;
}

}  // namespace

Json model_config(const Config& run, const SeriesData& data) {
  Json json;
  json["family"] = "forecast";
  json["model"] = run.json().at("model");
  json["shape"] = to_json(data.shape());
  json["data"] = run.json().at("data");
  json["variates"] = data.variates();
  json["freq"] = to_string(data.frequency());
  json["scalers"] = Json::object();
  for (const auto& series : data.series()) json["scalers"][series.unique_id] = to_json(series.scaler);
  if (!data.roles().empty()) json["covariates"] = covariates_json(data);
  const auto loss = options_among<LossOptions>(run.at("training"));
  if (loss.has_distribution()) json["distribution"] = to_json(loss);
  json["seen_rows"] = seen_rows_json(seen_rows(data));
  return json;
}

void save_forecast_model(const std::filesystem::path& folder, const Config& config, const SeriesData& data,
                         const Forecaster& model, const ConformalScores& scores) {
  runtime::write_model_folder(folder, model_config(config, data), model);
  if (scores.empty()) return;
  scores.save(folder / kConformalFile);
}

ConformalScores load_forecast_scores(const std::filesystem::path& folder, const SeriesShape& shape) {
  return std::filesystem::exists(folder / kConformalFile)
             ? ConformalScores::open(folder / kConformalFile, shape)
             : ConformalScores();
}

}  // namespace arzoo::forecast
