#include "forecast/models/gateformer.h"

#include "runtime/named_tensors.h"
#include "support/forecasters.h"
#include "support/test.h"

using namespace arzoo;
using forecast::ForecastBatch;
using forecast::Forecaster;
using forecast::SeriesShape;
using test::forecast_of;

namespace {

constexpr SeriesShape kGateformerShape{
    .seq_len = 29, .label_len = 0, .pred_len = 7, .enc_in = 5, .c_out = 5, .marks = 0};

std::shared_ptr<Forecaster> gateformer(const Json& changes = Json::object(), bool disturbed = true) {
  Json section = Json::parse(
      R"({"name": "gateformer", "patch_len": 8, "stride": 4, "d_model": 12, "n_heads": 3, "e_layers": 3, "d_ff": 20})");
  section.merge_patch(changes);
  return test::tiny_model(section, kGateformerShape, disturbed ? 0.1 : 0.0);
}

at::Tensor gateformer_windows(int64_t variates = 5) {
  torch::manual_seed(2);
  return at::randn({3, kGateformerShape.seq_len, variates}) * 3 + 10;
}

}  // namespace

TEST_CASE("Gateformer: variates may come in any order, and in any number") {
  const auto model = gateformer();
  const auto order = at::tensor({3, 0, 4, 1, 2}, at::kLong);
  const auto plain = forecast_of(*model, gateformer_windows());
  CHECK(at::allclose(forecast_of(*model, gateformer_windows().index_select(2, order)),
                     plain.index_select(2, order), 1e-5, 1e-5));
  CHECK(forecast_of(*model, gateformer_windows(2)).sizes() ==
        at::IntArrayRef({3, kGateformerShape.pred_len, 2}));
}

TEST_CASE("Gateformer: a variate's forecast depends on the others") {
  const auto model = gateformer();
  auto x = gateformer_windows();
  const auto before = forecast_of(*model, x);
  x.select(2, 4).copy_(at::randn({3, kGateformerShape.seq_len}));
  CHECK_FALSE(at::allclose(forecast_of(*model, x).select(2, 0), before.select(2, 0), 1e-3, 1e-3));
}

TEST_CASE("Gateformer: inference and autograd agree") {
  const auto patch_len = GENERATE(1, 8, 29), stride = GENERATE(1, 8, 40);
  const auto model = gateformer({{"patch_len", patch_len}, {"stride", stride}});
  ForecastBatch batch;
  batch.x_enc = gateformer_windows();
  CHECK(at::allclose(model->forecast(batch), forecast_of(*model, batch.x_enc), 1e-4, 1e-4));
}

TEST_CASE("Gateformer: the layers of a stack start as copies that train apart") {
  const auto model = gateformer(Json::object(), /*disturbed=*/false);
  const auto weights = runtime::state_dict(*model);
  for (const auto& [name, tensor] : weights) {
    const auto layer = name.find("layers.1.");
    if (layer == std::string::npos) continue;
    INFO(name);
    auto first = name;
    first[layer + 7] = '0';
    CHECK(at::equal(tensor, weights.at(first)));
    CHECK_FALSE(tensor.is_alias_of(weights.at(first)));
  }
  CHECK_FALSE(at::equal(weights.at("enc_temporal.layers.0.linear1.weight"),
                        weights.at("enc_variate.layers.0.linear1.weight")));
}

TEST_CASE("Gateformer: dropout is sampled anew in training and off in inference") {
  const auto model = gateformer({{"dropout", 0.3}});
  ForecastBatch batch;
  batch.x_enc = gateformer_windows();
  CHECK(at::equal(model->forecast(batch), model->forecast(batch)));
  model->train();
  CHECK_FALSE(at::equal(model->forecast(batch), model->forecast(batch)));
}

TEST_CASE("Gateformer: impossible options are refused by name") {
  CHECK_THROWS_WITH(gateformer({{"n_heads", 5}}),
                    ContainsSubstring("d_model (12) must be a multiple of n_heads (5)"));
  CHECK_THROWS_WITH(gateformer({{"patch_len", 30}}),
                    ContainsSubstring("patch_len (30) must not exceed seq_len (29)"));
}
