#include "forecast/forecast_folder.h"

#include "forecast/seen_rows.h"
#include "runtime/model_folder.h"
#include "runtime/named_tensors.h"

namespace arzoo::forecast {
namespace {

constexpr const char* kConformalFile = "conformal.safetensors";

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
