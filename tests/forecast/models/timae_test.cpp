#include "forecast/models/timae.h"

#include "runtime/initial_weights.h"
#include "runtime/named_tensors.h"
#include "support/forecasters.h"
#include "support/test.h"

using namespace arzoo;
using forecast::ForecastBatch;
using forecast::Forecaster;
using forecast::SeriesShape;

namespace {

constexpr SeriesShape kTimaeShape{
    .seq_len = 24, .label_len = 0, .pred_len = 8, .enc_in = 3, .c_out = 3, .marks = 0};

std::shared_ptr<Forecaster> timae(const Json& changes = Json::object(), SeriesShape shape = kTimaeShape) {
  Json section =
      Json::parse(R"({"name": "timae", "d_model": 16, "n_heads": 2, "d_ff": 32, "decoder_d_model": 8,
                                 "decoder_n_heads": 2, "decoder_d_ff": 16, "dropout": 0.0})");
  section.merge_patch(changes);
  return test::tiny_model(section, shape);
}

ForecastBatch timae_windows() {
  torch::manual_seed(2);
  ForecastBatch batch;
  batch.x_enc = at::randn({4, kTimaeShape.seq_len, 3});
  batch.target = at::randn({4, kTimaeShape.pred_len, 3});
  return batch;
}

double seeded_loss(Forecaster& model, const ForecastBatch& batch, uint64_t seed = 3) {
  torch::NoGradGuard no_grad;
  torch::manual_seed(seed);
  return model.loss(batch).total.item<double>();
}

}  // namespace

TEST_CASE("Ti-MAE: a forecast sees the history alone") {
  const auto head = GENERATE("reconstruction", "linear");
  const auto model = timae({{"head", head}});
  auto batch = timae_windows();
  torch::NoGradGuard no_grad;
  const auto forecast = model->forecast(batch);
  CHECK(forecast.sizes() == batch.target.sizes());
  batch.target.fill_(100.0);
  CHECK(at::equal(model->forecast(batch), forecast));
  CHECK(at::equal(model->forecast(batch), model->forecast(batch)));
}

TEST_CASE("Ti-MAE: hidden steps reach neither encoder nor decoder, and only they are scored") {
  // All but one of 32 steps hidden. Changing a hidden step changes the error at that step alone, by what it
  // moved.
  const auto model = timae({{"mask_ratio", 0.96}});
  auto batch = timae_windows();
  const double before = seeded_loss(*model, batch);
  const auto gradient_of_step = [&](int64_t t) {
    auto moved = batch;
    moved.x_enc = batch.x_enc.clone();
    // Only the squared error depends on a hidden step, so it is a parabola with curvature 2 / hidden numbers.
    const auto at_distance = [&](double d) {
      moved.x_enc.copy_(batch.x_enc);
      moved.x_enc.select(1, t).add_(d);
      return seeded_loss(*model, moved);
    };
    return (at_distance(1.0) - 2 * before + at_distance(-1.0)) / 2;  // per unit squared
  };
  int hidden = 0;
  for (int64_t t = 0; t < kTimaeShape.seq_len; ++t) {
    // Each of the 4 samples hides the step or does not; curvature counts those that do: 4 * 31 hidden steps
    // in all.
    const double samples = gradient_of_step(t) * 4 * 31;
    if (std::abs(samples - 4.0) < 1e-2) ++hidden;
  }
  CHECK(hidden >= kTimaeShape.seq_len - 4);
}

TEST_CASE("Ti-MAE: the mask is sampled from the seed") {
  const auto model = timae();
  const auto batch = timae_windows();
  CHECK(seeded_loss(*model, batch, 7) == seeded_loss(*model, batch, 7));
  CHECK(seeded_loss(*model, batch, 7) != seeded_loss(*model, batch, 8));
}

TEST_CASE("Ti-MAE: a mask token of zero starts, and the loss teaches it") {
  const auto model = timae();
  const auto token = model->named_parameters()["mask_token"];
  CHECK(token.abs().max().item<double>() == 0.0);
  model->loss(timae_windows()).total.backward();
  CHECK(token.grad().abs().max().item<double>() > 0.0);
}

TEST_CASE("Ti-MAE: the layers of a stack start apart") {
  const auto weights = runtime::state_dict(*timae());
  CHECK_FALSE(at::equal(weights.at("encoder.layers.0.linear1.weight"),
                        weights.at("encoder.layers.1.linear1.weight")));
  CHECK_FALSE(at::equal(weights.at("encoder.layers.0.self_attn.in_proj_weight"),
                        weights.at("encoder.layers.1.self_attn.in_proj_weight")));
}

TEST_CASE("Ti-MAE: a frozen encoder has no gradient, its regressor has") {
  const auto model = timae({{"head", "linear"}});
  runtime::select_trainable(*model, Config(Json::array({"regressor"}), "tiny"));
  model->train();
  model->loss(timae_windows()).total.backward();
  for (const auto& entry : model->named_parameters()) {
    INFO(entry.key());
    CHECK(entry.value().grad().defined() == entry.key().starts_with("regressor."));
  }
}

TEST_CASE("Ti-MAE: encoders of both heads have the same names and shapes, whatever the horizon") {
  auto longer = kTimaeShape;
  longer.pred_len = 20;
  const auto pretrained = runtime::state_dict(*timae()),
             tuned = runtime::state_dict(*timae({{"head", "linear"}}, longer));
  for (const auto& [name, tensor] : tuned) {
    if (name.starts_with("regressor.")) continue;
    INFO(name);
    CHECK(pretrained.at(name).sizes() == tensor.sizes());
  }
}

TEST_CASE("Ti-MAE: impossible options are refused by name") {
  CHECK_THROWS_WITH(timae({{"n_heads", 3}}), ContainsSubstring("multiple of n_heads (3)"));
  CHECK_THROWS_WITH(timae({{"mask_ratio", 0.0}}), ContainsSubstring("mask_ratio"));
  auto target_only = kTimaeShape;
  target_only.c_out = 1;
  CHECK_THROWS_WITH(timae(Json::object(), target_only), ContainsSubstring("data.features must be M or S"));
}
