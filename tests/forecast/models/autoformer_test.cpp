#include "forecast/models/autoformer.h"

#include "support/forecasters.h"

using namespace arzoo;
using forecast::SeriesShape;
using test::forecast_of;
using test::random_batch;

namespace {

constexpr SeriesShape kAutoformerShape{
    .seq_len = 20, .label_len = 10, .pred_len = 13, .enc_in = 3, .c_out = 3, .marks = 4};

std::shared_ptr<forecast::Forecaster> tiny_autoformer(const Json& changes = Json::object(),
                                                      const SeriesShape& shape = kAutoformerShape) {
  Json section = Json::parse(
      R"({"name": "autoformer", "d_model": 12, "n_heads": 2, "d_ff": 16, "moving_avg": 5, "factor": 2})");
  section.merge_patch(changes);
  return test::tiny_model(section, shape);
}

}  // namespace

TEST_CASE("an Autoformer in inference and under autograd agree in every configuration") {
  const auto changes = GENERATE(Json{{"activation", "relu"}}, Json{{"d_layers", 3}}, Json{{"moving_avg", 1}},
                                Json{{"n_heads", 5}}, Json{{"moving_avg", 51}});
  const auto model = tiny_autoformer(changes);
  const auto batch = random_batch(3, kAutoformerShape);
  const auto inference = forecast_of(*model, batch);
  CHECK(inference.sizes() == at::IntArrayRef({3, kAutoformerShape.pred_len, 3}));
  CHECK(at::allclose(model->forecast(batch), inference, 1e-4, 1e-5));
}

TEST_CASE("what the decoder is given of the future has no part in the forecast") {
  const auto model = tiny_autoformer();
  auto batch = random_batch(2, kAutoformerShape);
  const auto plain = forecast_of(*model, batch);
  batch.x_dec = at::full_like(batch.x_dec, 77.0);
  CHECK(at::equal(forecast_of(*model, batch), plain));
}

TEST_CASE("a series longer than the pairwise comparison is made for is forecast, and trained on") {
  const SeriesShape longer{
      .seq_len = 400, .label_len = 30, .pred_len = 20, .enc_in = 3, .c_out = 3, .marks = 4};
  const auto model = tiny_autoformer(Json::object(), longer);
  const auto batch = random_batch(2, longer);
  CHECK(forecast_of(*model, batch).isfinite().all().item<bool>());
  model->train();
  model->loss(batch).total.backward();
  for (const auto& parameter : model->parameters()) CHECK(parameter.grad().isfinite().all().item<bool>());
}

TEST_CASE("features MS: all variates are forecast, the target last") {
  auto shape = kAutoformerShape;
  shape.c_out = 1;
  const auto model = tiny_autoformer(Json::object(), shape);
  const auto batch = random_batch(2, shape);
  CHECK(forecast_of(*model, batch).size(2) == shape.enc_in);
  model->loss(batch).total.backward();
}

TEST_CASE("a model is trained and forecasts without a calendar") {
  auto shape = kAutoformerShape;
  shape.marks = 0;
  const auto model = tiny_autoformer(Json::object(), shape);
  auto batch = random_batch(2, shape);
  batch.x_mark_enc = at::Tensor();
  batch.x_mark_dec = at::Tensor();
  CHECK(forecast_of(*model, batch).isfinite().all().item<bool>());
}

TEST_CASE("gradients of a whole Autoformer are the finite differences of its loss") {
  const auto model = tiny_autoformer({{"dropout", 0.0}});
  model->train();
  test::check_gradients(*model, random_batch(2, kAutoformerShape));
}

TEST_CASE("impossible Autoformers are refused by name") {
  CHECK_THROWS_WITH(tiny_autoformer({{"moving_avg", 4}}), ContainsSubstring("moving_avg must be odd, got 4"));
  CHECK_THROWS_WITH(tiny_autoformer({{"d_model", 13}}), ContainsSubstring("d_model must be even, got 13"));
  CHECK_THROWS_WITH(tiny_autoformer({{"embed", "timef"}}), ContainsSubstring("timeF"));
  auto shape = kAutoformerShape;
  shape.label_len = 0;
  CHECK_THROWS_WITH(tiny_autoformer(Json::object(), shape),
                    ContainsSubstring("label_len must be at least 1"));
}
