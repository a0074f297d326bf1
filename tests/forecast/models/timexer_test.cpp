#include "forecast/models/timexer.h"

#include "runtime/named_tensors.h"
#include "support/forecasters.h"
#include "support/test.h"

using namespace arzoo;
using forecast::ForecastBatch;
using forecast::Forecaster;
using forecast::SeriesShape;
using test::forecast_of;

namespace {

constexpr SeriesShape kTimeXerShape{
    .seq_len = 26, .label_len = 0, .pred_len = 7, .enc_in = 5, .c_out = 2, .marks = 3};

std::shared_ptr<Forecaster> timexer(const Json& changes = Json::object(),
                                    const SeriesShape& shape = kTimeXerShape) {
  Json section = Json::parse(
      R"({"name": "timexer", "patch_len": 6, "d_model": 12, "n_heads": 3, "e_layers": 2, "d_ff": 20, "dropout": 0.3})");
  section.merge_patch(changes);
  return test::tiny_model(section, shape, 0.1);
}

}  // namespace

TEST_CASE("TimeXer: forecasts the targets alone, which are the last columns") {
  const auto batch = test::random_batch(3, kTimeXerShape);
  CHECK(forecast_of(*timexer(), batch).sizes() == at::IntArrayRef({3, 7, 2}));
  auto all = kTimeXerShape;
  all.c_out = all.enc_in;
  CHECK(forecast_of(*timexer(Json::object(), all), batch).sizes() == at::IntArrayRef({3, 7, 5}));
}

TEST_CASE("TimeXer: a target's forecast depends on the exogenous columns and on the calendar") {
  const auto model = timexer();
  const auto batch = test::random_batch(3, kTimeXerShape);
  const auto plain = forecast_of(*model, batch);
  const auto changed = GENERATE(0, 1);
  auto other = batch;
  if (changed == 0) {
    other.x_enc = batch.x_enc.clone();
    other.x_enc.select(2, 0).copy_(at::randn({3, kTimeXerShape.seq_len}));
  } else {
    other.x_mark_enc = -batch.x_mark_enc;
  }
  CHECK_FALSE(at::allclose(forecast_of(*model, other), plain, 1e-3, 1e-3));
}

TEST_CASE("TimeXer: steps behind the last whole patch reach a target by its exogenous columns alone") {
  // 26 steps are four patches of six and two steps that no patch has.
  const auto model = timexer({{"use_norm", false}});
  auto batch = test::random_batch(2, kTimeXerShape);
  const auto plain = forecast_of(*model, batch);
  auto late = batch;
  late.x_enc = batch.x_enc.clone();
  late.x_enc.narrow(1, 24, 2).narrow(2, 3, 2).add_(5.0);
  CHECK(at::equal(forecast_of(*model, late), plain));
  late.x_enc.narrow(1, 24, 2).narrow(2, 0, 1).add_(5.0);
  CHECK_FALSE(at::allclose(forecast_of(*model, late), plain, 1e-4, 1e-4));
}

TEST_CASE("TimeXer: with use_norm a shifted and scaled window has the shifted and scaled forecast") {
  const auto model = timexer();
  auto batch = test::random_batch(3, kTimeXerShape);
  const auto plain = forecast_of(*model, batch);
  const auto shift = at::tensor({1.0, 2.0, 3.0, -30.0, 100.0}, at::kFloat),
             scale = at::tensor({2.0, 1.0, 0.5, 3.0, 10.0}, at::kFloat);
  batch.x_enc = batch.x_enc * scale + shift;
  CHECK(at::allclose(forecast_of(*model, batch), plain * scale.narrow(0, 3, 2) + shift.narrow(0, 3, 2), 1e-3,
                     1e-2));
}

TEST_CASE("TimeXer: gradients are the slopes of the loss") {
  const auto model = timexer({{"dropout", 0.0}});
  test::check_gradients(*model, test::random_batch(3, kTimeXerShape));
}

TEST_CASE("TimeXer: inference and autograd agree, and dropout is off outside of training") {
  const auto model = timexer({{"activation", GENERATE(as<std::string>{}, "gelu", "relu")}});
  const auto batch = test::random_batch(3, kTimeXerShape);
  CHECK(at::allclose(model->forecast(batch), forecast_of(*model, batch), 1e-4, 1e-4));
  model->train();
  CHECK_FALSE(at::equal(model->forecast(batch), model->forecast(batch)));
}

TEST_CASE("TimeXer: impossible options are refused by name") {
  CHECK_THROWS_WITH(timexer({{"patch_len", 27}}),
                    ContainsSubstring("patch_len (27) must not exceed seq_len (26)"));
  CHECK_THROWS_WITH(timexer({{"d_model", 13}}), ContainsSubstring("d_model must be even, got 13"));
  CHECK_THROWS_WITH(timexer({{"n_heads", 14}}),
                    ContainsSubstring("d_model (12) must be at least n_heads (14)"));
}

TEST_CASE("TimeXer: an official config is read as the official code reads it") {
  const auto features = GENERATE(as<std::string>{}, "M", "MS");
  const Config flat(Json{{"model", "TimeXer"},
                         {"features", features},
                         {"use_norm", 0},
                         {"seq_len", 24},
                         {"pred_len", 4},
                         {"enc_in", 3},
                         {"c_out", 3}},
                    "config.json");
  const auto official = forecast::read_official_config(flat, 4);
  CHECK(official.shape.c_out == (features == "MS" ? 1 : 3));
  CHECK(official.model.json().at("use_norm") == false);
}
