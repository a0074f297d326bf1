// Each model that uses covariates: what reaches its forecast, and what does not.

#include "forecast/layers/covariate_tokens.h"

#include "forecast/run_check.h"
#include "support/forecasters.h"
#include "support/test.h"

using namespace arzoo;
using forecast::ForecastBatch;
using forecast::Forecaster;
using forecast::SeriesShape;
using test::forecast_of;

namespace {

constexpr SeriesShape kCovariateShape{.seq_len = 16,
                                      .label_len = 8,
                                      .pred_len = 6,
                                      .enc_in = 3,
                                      .c_out = 2,
                                      .marks = 4,
                                      .known_in = 2,
                                      .static_in = 3};

Json tiny_section(const std::string& name) {
  Json section{{"name", name}, {"d_model", 12}, {"n_heads", 2}, {"d_ff", 16}, {"dropout", 0.0}};
  if (name == "timexer" || name == "gateformer") section["patch_len"] = 4;
  if (name == "autoformer") section["moving_avg"] = 5;
  if (name == "informerstack") section["s_layers"] = {2, 1};
  return section;
}

ForecastBatch covariate_batch(const SeriesShape& shape = kCovariateShape) {
  auto batch = test::random_batch(3, shape);
  batch.known = at::randn({3, shape.seq_len + shape.pred_len, shape.known_in});
  batch.statics = at::randn({3, shape.static_in});
  return batch;
}

/// Those that are trained on windows, as Chronos-2 is not.
std::vector<std::string> window_models_with_covariates() {
  auto names = forecast::models_with_covariates();
  std::erase(names, "chronos2");
  return names;
}

}  // namespace

TEST_CASE("the models that use covariates are those that the papers make room for") {
  CHECK(forecast::models_with_covariates() ==
        std::vector<std::string>{"autoformer", "informer", "informerstack", "informer_tslib", "itransformer",
                                 "timexer", "gateformer", "chronos2"});
}

TEST_CASE("known and static covariates reach the forecast, past ones as variates do") {
  const auto name = GENERATE(from_range(window_models_with_covariates()));
  const auto model = test::tiny_model(tiny_section(name), kCovariateShape, 0.1);
  const auto batch = covariate_batch();
  const auto targets = [&](const ForecastBatch& one) {
    return forecast::scored_channels(forecast_of(*model, one), one.target);
  };
  const auto plain = targets(batch);
  CHECK(plain.sizes() == at::IntArrayRef({3, 6, 2}));
  const auto changed = GENERATE(0, 1, 2, 3);
  INFO(name << ", change " << changed);
  auto other = batch;
  other.known = batch.known.clone();
  other.x_enc = batch.x_enc.clone();
  if (changed == 0) other.known.narrow(1, 16, 6).add_(1.0);  // of the steps ahead
  if (changed == 1) other.known.narrow(1, 0, 16).add_(1.0);  // of the history
  if (changed == 2) other.statics = -batch.statics;
  if (changed == 3) other.x_enc.select(2, 0).copy_(at::randn({3, 16}));
  CHECK_FALSE(at::allclose(targets(other), plain, 1e-4, 1e-4));
}

TEST_CASE("gradients reach the weights of the covariates, and inference agrees with autograd") {
  const auto name = GENERATE(from_range(window_models_with_covariates()));
  INFO(name);
  const auto model = test::tiny_model(tiny_section(name), kCovariateShape, 0.1);
  const auto batch = covariate_batch();
  CHECK(at::allclose(model->forecast(batch), forecast_of(*model, batch), 1e-4, 1e-4));
  model->loss(batch).total.backward();
  int64_t of_covariates = 0;
  for (const auto& entry : model->named_parameters()) {
    if (entry.key().find("known_embedding") == std::string::npos &&
        entry.key().find("static_embedding") == std::string::npos)
      continue;
    INFO(entry.key());
    ++of_covariates;
    REQUIRE(entry.value().grad().defined());
    CHECK(entry.value().grad().abs().max().item<double>() > 0.0);
  }
  CHECK(of_covariates >= 2);
}

TEST_CASE("a model without covariates has the weights that it always had, also beside those of covariates") {
  const auto name = GENERATE(from_range(window_models_with_covariates()));
  INFO(name);
  auto without = kCovariateShape;
  without.known_in = without.static_in = 0;
  const auto plain = test::tiny_model(tiny_section(name), without);
  for (const auto& entry : plain->named_parameters())
    CHECK(entry.key().find("known_embedding") == std::string::npos);
  auto batch = covariate_batch();
  const auto forecast = forecast_of(*plain, batch);
  batch.known = batch.statics = at::Tensor();
  CHECK(at::equal(forecast_of(*plain, batch), forecast));
}

TEST_CASE("a window without the covariates of the model is refused") {
  const auto name = GENERATE(from_range(window_models_with_covariates()));
  INFO(name);
  const auto model = test::tiny_model(tiny_section(name), kCovariateShape);
  auto batch = covariate_batch();
  SECTION("none known ahead") {
    batch.known = at::Tensor();
    CHECK_THROWS_WITH(model->forecast(batch), ContainsSubstring("lacks 2 covariates known for 22 steps"));
  }
  SECTION("too few steps") {
    batch.known = batch.known.narrow(1, 0, 16);
    CHECK_THROWS_WITH(model->forecast(batch), ContainsSubstring("lacks 2 covariates known for 22 steps"));
  }
  SECTION("no static ones") {
    batch.statics = at::Tensor();
    CHECK_THROWS_WITH(model->forecast(batch), ContainsSubstring("lacks 3 static covariates"));
  }
}

TEST_CASE("a flag that is constant in the history keeps its size in the future") {
  // Normalised by its window it would be divided by almost nothing.
  const auto name = GENERATE(as<std::string>{}, "itransformer", "timexer", "gateformer");
  INFO(name);
  const auto model = test::tiny_model(tiny_section(name), kCovariateShape, 0.1);
  auto batch = covariate_batch();
  batch.known.zero_();
  const auto plain = forecast_of(*model, batch);
  batch.known.narrow(1, 16, 6).fill_(1.0);
  CHECK((forecast_of(*model, batch) - plain).abs().max().item<double>() < 10.0);
}
