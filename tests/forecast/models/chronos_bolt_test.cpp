#include "forecast/models/chronos_bolt_model.h"

#include "support/test.h"

using namespace arzoo;
using namespace arzoo::forecast;

namespace {

ChronosBoltOptions small_bolt() {
  ChronosBoltOptions options;
  options.d_model = 16;
  options.d_kv = 4;
  options.d_ff = 24;
  options.num_layers = 2;
  options.num_decoder_layers = 2;
  options.num_heads = 3;
  options.dropout_rate = 0.0;
  options.initializer_factor = 0.7;
  options.relative_attention_num_buckets = 8;
  options.relative_attention_max_distance = 10;
  options.chronos_config.context_length = 32;
  options.chronos_config.prediction_length = 8;
  options.chronos_config.input_patch_size = options.chronos_config.input_patch_stride = 4;
  return options;
}

std::shared_ptr<ChronosBolt> bolt_model(const ChronosBoltOptions& options = small_bolt()) {
  torch::manual_seed(12);
  auto model = std::make_shared<ChronosBolt>(options, options.official_shape());
  model->eval();
  return model;
}

std::vector<ZeroShotForecast> bolt_forecasts(ChronosBolt& model, const std::vector<at::Tensor>& histories,
                                             int64_t horizon, std::vector<double> levels = {}) {
  std::vector<ZeroShotSeries> series;
  for (const auto& history : histories)
    series.push_back({std::to_string(series.size()), history.unsqueeze(0), {}});
  ZeroShotRequest request;
  request.horizon = horizon;
  request.levels = std::move(levels);
  return model.forecast_series(series, request);
}

}  // namespace

TEST_CASE("Bolt: series of any length come out in their order, each as if it were alone") {
  const auto model = bolt_model();
  std::vector<at::Tensor> histories;
  for (const int64_t length : {30, 1, 50, 7}) histories.push_back(at::randn({length}).cumsum(0));
  const int64_t horizon = GENERATE(5, 8, 21);
  const auto together = bolt_forecasts(*model, histories, horizon);
  for (std::size_t i = 0; i < histories.size(); ++i) {
    const auto alone = bolt_forecasts(*model, {histories[i]}, horizon).front().point;
    CHECK(at::allclose(together[i].point, alone, 1e-4, 1e-4));
  }
}

TEST_CASE(
    "Bolt: levels that are not all the model's are torch.quantile's of its quantiles, their ends doubled") {
  const auto quantiles = at::arange(1, 10, at::kFloat);  // of 0.1 … 0.9
  const std::vector<double> deciles = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
  CHECK(at::equal(bolt_levels(quantiles, deciles, {0.2, 0.9}), at::tensor({2.0F, 9.0F})));
  CHECK(at::allclose(bolt_levels(quantiles, deciles, {0.05, 0.25, 0.5}), at::tensor({1.0F, 2.5F, 5.0F})));
}

TEST_CASE("Bolt: covariates and levels beyond its own are refused") {
  const auto model = bolt_model();
  ZeroShotSeries series{"a", at::randn({1, 9}), {}};
  series.covariates.push_back({"price", false, at::randn({9}), {}, {}, {}, {}});
  CHECK_THROWS_WITH(model->forecast_series(std::span(&series, 1), {}),
                    ContainsSubstring("takes no covariates"));
  CHECK_THROWS_WITH(
      bolt_forecasts(*model, {at::randn({9})}, 3, {0.05}),
      ContainsSubstring("quantiles from 0.1 to 0.9, 0.05 lies outside (an interval of 80 % at most)"));
}
