#include "forecast/models/itransformer.h"

#include "forecast/zoo.h"
#include "support/test.h"

using namespace arzoo;
using forecast::ForecastBatch;
using forecast::Forecaster;
using forecast::SeriesShape;

namespace {

constexpr SeriesShape kITransformerShape{
    .seq_len = 20, .label_len = 10, .pred_len = 7, .enc_in = 5, .c_out = 5, .marks = 4};

std::shared_ptr<Forecaster> tiny_itransformer(const Json& changes = Json::object()) {
  torch::manual_seed(1);
  Json section =
      Json::parse(R"({"name": "itransformer", "d_model": 24, "n_heads": 3, "e_layers": 2, "d_ff": 32})");
  section.merge_patch(changes);
  auto model = forecast::build(Config(section, "tiny"), kITransformerShape);
  model->eval();
  return model;
}

ForecastBatch itransformer_batch(int64_t size, bool marks) {
  torch::manual_seed(2);
  ForecastBatch batch;
  batch.x_enc = at::randn({size, kITransformerShape.seq_len, kITransformerShape.enc_in}) * 3 + 10;
  if (marks) batch.x_mark_enc = at::rand({size, kITransformerShape.seq_len, kITransformerShape.marks}) - 0.5;
  return batch;
}

at::Tensor forecast_with(Forecaster& model, const ForecastBatch& batch) {
  const c10::InferenceMode inference;
  return model.forecast(batch).clone();
}

}  // namespace

TEST_CASE("variates may come in any order: the forecasts follow them") {
  const bool marks = GENERATE(true, false), use_norm = GENERATE(true, false);
  const auto model = tiny_itransformer({{"use_norm", use_norm}});
  const auto order = at::tensor({3, 0, 4, 1, 2}, at::kLong);
  auto batch = itransformer_batch(3, marks);
  const auto plain = forecast_with(*model, batch);
  batch.x_enc = batch.x_enc.index_select(2, order);
  CHECK(at::allclose(forecast_with(*model, batch), plain.index_select(2, order), 1e-5, 1e-5));
}

TEST_CASE("the number of variates is not built into the weights") {
  const auto model = tiny_itransformer();
  auto batch = itransformer_batch(2, false);
  batch.x_enc = at::randn({2, kITransformerShape.seq_len, 11});
  CHECK(forecast_with(*model, batch).sizes() == at::IntArrayRef({2, kITransformerShape.pred_len, 11}));
}

TEST_CASE(
    "with use_norm a shifted and scaled window has the shifted and scaled forecast, each variate its own") {
  const auto model = tiny_itransformer();
  auto batch = itransformer_batch(3, true);
  const auto plain = forecast_with(*model, batch);
  const auto shift = at::tensor({100.0, -30.0, 0.0, 5.0, 7.0}, at::kFloat),
             scale = at::tensor({1.0, 2.0, 10.0, 0.5, 3.0}, at::kFloat);
  batch.x_enc = batch.x_enc * scale + shift;
  CHECK(at::allclose(forecast_with(*model, batch), plain * scale + shift, 1e-4, 1e-3));
}

TEST_CASE("without use_norm the level of a window matters") {
  const auto model = tiny_itransformer({{"use_norm", false}});
  auto batch = itransformer_batch(3, true);
  const auto plain = forecast_with(*model, batch);
  batch.x_enc = batch.x_enc + 5.0;
  CHECK_FALSE(at::allclose(forecast_with(*model, batch), plain + 5.0, 1e-2, 1e-2));
}

TEST_CASE("calendar features take part in the attention") {
  const auto model = tiny_itransformer();
  auto batch = itransformer_batch(3, true);
  const auto with = forecast_with(*model, batch);
  batch.x_mark_enc = batch.x_mark_enc.flip({1});
  CHECK_FALSE(at::allclose(forecast_with(*model, batch), with, 1e-4, 1e-4));
}

TEST_CASE("a constant window is forecast without a NaN") {
  const auto model = tiny_itransformer();
  auto batch = itransformer_batch(1, true);
  batch.x_enc = at::full_like(batch.x_enc, 42.0);
  CHECK(forecast_with(*model, batch).isfinite().all().item<bool>());
}

TEST_CASE("inference and autograd agree, whatever the activation") {
  const auto activation = GENERATE("gelu", "relu");
  const auto model = tiny_itransformer({{"activation", activation}});
  const auto batch = itransformer_batch(3, true);
  const auto inference = forecast_with(*model, batch);
  CHECK(at::allclose(model->forecast(batch), inference, 1e-5, 1e-5));
}

TEST_CASE("inference follows weights that have changed") {
  const auto model = tiny_itransformer();
  const auto batch = itransformer_batch(3, true);
  const auto before = forecast_with(*model, batch);
  {
    torch::NoGradGuard no_grad;
    for (auto& parameter : model->parameters()) parameter.mul_(1.5);
  }
  const auto after = forecast_with(*model, batch);
  CHECK_FALSE(at::allclose(after, before, 1e-3, 1e-3));
  CHECK(at::allclose(model->forecast(batch), after, 1e-5, 1e-4));
}

TEST_CASE("gradients of the whole model are the finite differences of its loss") {
  const auto model = tiny_itransformer({{"dropout", 0.0}});
  auto batch = itransformer_batch(2, true);
  batch.target = at::randn({2, kITransformerShape.pred_len, kITransformerShape.enc_in}) * 3 + 10;
  model->train();
  model->loss(batch).total.backward();
  for (const auto& entry : model->named_parameters()) {
    // The direction of steepest ascent is the one that rounding disturbs least.
    const auto gradient = entry.value().grad().detach();
    const double length = gradient.norm().item<double>();
    if (length < 1e-3) continue;  // a shift that the softmax or a norm takes out again
    const auto direction = gradient / length;
    const auto original = entry.value().detach().clone();
    const auto loss_at = [&](double distance) {
      torch::NoGradGuard no_grad;
      entry.value().copy_(original + direction * distance);
      return model->loss(batch).total.item<double>();
    };
    const double step = 5e-3, slope = (loss_at(step) - loss_at(-step)) / (2 * step);
    loss_at(0.0);
    INFO(entry.key());
    CHECK(slope == Approx(length).epsilon(0.05));
  }
}

TEST_CASE("impossible options are refused by name") {
  CHECK_THROWS_AS(tiny_itransformer({{"d_model", 2}, {"n_heads", 3}}), ConfigError);
  CHECK_THROWS_AS(tiny_itransformer({{"dropout", 1.0}}), ConfigError);
  CHECK_THROWS_WITH(tiny_itransformer({{"d_modle", 8}}), ContainsSubstring("did you mean \"d_model\"?"));
  CHECK_THROWS_WITH(tiny_itransformer({{"name", "itransfomer"}}),
                    ContainsSubstring("no forecaster is called \"itransfomer\""));
}

TEST_CASE("the flat config of an official checkpoint is understood, with what it does not say by default") {
  const auto flat =
      Config::parse(R"({"model": "iTransformer", "seq_len": 25, "pred_len": 14, "label_len": 12, "enc_in": 7,
                                      "d_model": 30, "n_heads": 5, "e_layers": 3, "d_ff": 44, "factor": 1, "embed": "timeF"})",
                    "config.json");
  const auto official = forecast::read_official_config(flat, 4);
  CHECK(official.model.text("name") == "itransformer");
  CHECK(official.model.json().at("d_ff") == 44);
  CHECK_FALSE(official.model.has("factor"));
  CHECK(official.shape.seq_len == 25);
  CHECK(official.shape.c_out == 7);
  CHECK(official.shape.marks == 4);
  CHECK_THROWS_AS(forecast::read_official_config(Config::parse(R"({"model": "GPT"})", "config.json"), 4),
                  ConfigError);
}
