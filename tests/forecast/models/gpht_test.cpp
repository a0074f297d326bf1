#include "forecast/models/gpht.h"

#include "forecast/next_token_forecaster.h"
#include "forecast/zoo.h"
#include "support/forecasters.h"
#include "support/test.h"

using namespace arzoo;
using forecast::ForecastBatch;
using forecast::NextTokenForecaster;
using forecast::SeriesShape;

namespace {

constexpr SeriesShape kGphtShape{
    .seq_len = 32, .label_len = 0, .pred_len = 16, .enc_in = 3, .c_out = 3, .marks = 0};

std::shared_ptr<NextTokenForecaster> gpht(const Json& changes = Json::object(),
                                          SeriesShape shape = kGphtShape) {
  Json section =
      Json::parse(R"({"name": "gpht", "token_len": 8, "GT_d_model": 12, "n_heads": 3, "GT_e_layers": 2,
                                 "GT_d_ff": 20, "depth": 3, "GT_pooling_rate": [4, 2, 1]})");
  section.merge_patch(changes);
  return std::dynamic_pointer_cast<NextTokenForecaster>(test::tiny_model(section, shape));
}

ForecastBatch gpht_windows(int64_t variates = 3) {
  torch::manual_seed(2);
  ForecastBatch batch;
  batch.x_enc = at::randn({4, kGphtShape.seq_len, variates}) * 3 + 10;
  batch.target = at::randn({4, kGphtShape.pred_len, variates}) * 3 + 10;
  return batch;
}

at::Tensor rolled(NextTokenForecaster& model, const ForecastBatch& batch, int64_t horizon) {
  const c10::InferenceMode inference;
  return model.roll_out(batch, horizon).clone();
}

}  // namespace

TEST_CASE("GPHT: no variate sees another, and any number of them will do") {
  const auto model = gpht();
  auto batch = gpht_windows();
  const auto before = rolled(*model, batch, 16);
  batch.x_enc.select(2, 1).copy_(at::randn({4, kGphtShape.seq_len}));
  const auto after = rolled(*model, batch, 16);
  CHECK(at::allclose(after.select(2, 0), before.select(2, 0), 1e-5, 1e-5));
  CHECK_FALSE(at::allclose(after.select(2, 1), before.select(2, 1), 1e-3, 1e-3));
  CHECK(rolled(*model, gpht_windows(7), 16).size(2) == 7);
}

TEST_CASE("GPHT: a token does not see the ones after it, but for the level of the window") {
  const auto model = gpht();
  auto batch = gpht_windows();
  const auto next = [&] {
    torch::NoGradGuard no_grad;
    return model->next_tokens(batch);
  };
  const auto before = next();
  // The last token backwards: mean and standard deviation of the window stay.
  batch.x_enc.narrow(1, 24, 8).copy_(batch.x_enc.narrow(1, 24, 8).flip({1}).clone());
  const auto after = next();
  CHECK(at::allclose(after.narrow(1, 0, 24), before.narrow(1, 0, 24), 1e-4, 1e-4));
  CHECK_FALSE(at::allclose(after.narrow(1, 24, 8), before.narrow(1, 24, 8), 1e-3, 1e-3));
}

TEST_CASE("GPHT: a longer horizon goes on where a shorter one ends, each token seeing the last") {
  const auto model = gpht();
  auto batch = gpht_windows();
  const auto horizon = GENERATE(int64_t{1}, int64_t{8}, int64_t{13}, int64_t{40});
  const auto far = rolled(*model, batch, 48);
  CHECK(at::equal(rolled(*model, batch, horizon), far.narrow(1, 0, horizon)));
  // By hand: the window moves by one token.
  batch.x_enc = at::cat({batch.x_enc.narrow(1, 8, 24), far.narrow(1, 0, 8)}, 1);
  CHECK(at::allclose(rolled(*model, batch, 8), far.narrow(1, 8, 8), 1e-5, 1e-5));
}

TEST_CASE("GPHT: the loss is over the whole window one token on, and needs no more of the target") {
  const auto model = gpht();
  auto batch = gpht_windows();
  torch::NoGradGuard no_grad;
  const auto truth = at::cat({batch.x_enc.narrow(1, 8, 24), batch.target.narrow(1, 0, 8)}, 1);
  const double expected = at::mse_loss(model->next_tokens(batch), truth).item<double>();
  CHECK(model->loss(batch).total.item<double>() == Approx(expected));
  batch.target.narrow(1, 8, 8).fill_(1e6);
  CHECK(model->loss(batch).total.item<double>() == Approx(expected));
}

TEST_CASE("GPHT: with a target of one variate the others teach nothing") {
  const auto model = gpht();
  auto batch = gpht_windows();
  batch.target = batch.target.narrow(2, 2, 1);
  torch::NoGradGuard no_grad;
  const double loss = model->loss(batch).total.item<double>();
  batch.x_enc.select(2, 0).mul_(5);
  CHECK(model->loss(batch).total.item<double>() == Approx(loss).epsilon(1e-4));
}

TEST_CASE("GPHT: inference and autograd agree") {
  const auto depth = GENERATE(1, 2, 3);
  const auto model = gpht({{"depth", depth}});
  const auto batch = gpht_windows();
  CHECK(at::allclose(model->forecast(batch), rolled(*model, batch, 16), 1e-4, 1e-4));
}

TEST_CASE("GPHT: the published size") {
  const auto model =
      forecast::build(Config(Json{{"name", "gpht"}}, "paper"),
                      {.seq_len = 336, .label_len = 0, .pred_len = 48, .enc_in = 1, .c_out = 1});
  int64_t all = 0, heads = 0;
  for (const auto& parameter : model->named_parameters()) {
    all += parameter.value().numel();
    if (parameter.key().find("forecast_head") != std::string::npos) heads += parameter.value().numel();
  }
  CHECK(all == 37'977'280);
  CHECK(heads == 98'496);
}

TEST_CASE("GPHT: lengths that do not fit the tokens are refused by name") {
  auto shape = kGphtShape;
  shape.seq_len = 30;
  CHECK_THROWS_WITH(gpht(Json::object(), shape),
                    ContainsSubstring("seq_len (30) must be a multiple of token_len (8)"));
  shape = kGphtShape;
  shape.pred_len = 7;
  CHECK_THROWS_WITH(gpht(Json::object(), shape),
                    ContainsSubstring("pred_len (7) must be at least token_len (8)"));
  CHECK_THROWS_WITH(gpht({{"GT_pooling_rate", {3, 2, 1}}}),
                    ContainsSubstring("3 does not divide token_len (8)"));
  CHECK_THROWS_WITH(gpht({{"depth", 4}}),
                    ContainsSubstring("depth (4) needs as many numbers in GT_pooling_rate"));
}
