#include "forecast/models/patchtst.h"

#include "runtime/named_tensors.h"
#include "support/forecasters.h"
#include "support/test.h"

using namespace arzoo;
using forecast::ForecastBatch;
using forecast::Forecaster;
using forecast::SeriesShape;
using test::forecast_of;

namespace {

constexpr SeriesShape kPatchTstShape{
    .seq_len = 29, .label_len = 0, .pred_len = 7, .enc_in = 3, .c_out = 3, .marks = 0};

std::shared_ptr<Forecaster> patchtst(const Json& changes = Json::object()) {
  Json section = Json::parse(
      R"({"name": "patchtst", "patch_len": 8, "stride": 4, "d_model": 12, "n_heads": 3, "e_layers": 3, "d_ff": 20})");
  section.merge_patch(changes);
  return test::tiny_model(section, kPatchTstShape, 0.1);
}

at::Tensor patchtst_windows() {
  torch::manual_seed(2);
  return at::randn({4, kPatchTstShape.seq_len, kPatchTstShape.enc_in}) * 3 + 10;
}

ForecastBatch patchtst_batch() {
  ForecastBatch batch;
  batch.x_enc = patchtst_windows();
  batch.target = at::randn({4, kPatchTstShape.pred_len, kPatchTstShape.c_out}) * 3 + 10;
  return batch;
}

const std::vector<Json> kVariants{
    Json::object(),
    {{"affine", true}},
    {{"affine", true}, {"subtract_last", true}},
    {{"revin", false}, {"padding_patch", "none"}},
    {{"individual", true}, {"decomposition", true}, {"kernel_size", 5}},
};

}  // namespace

TEST_CASE("PatchTST: a variate's forecast does not depend on the others") {
  const auto model = patchtst(GENERATE(from_range(kVariants)));
  auto x = patchtst_windows();
  const auto before = forecast_of(*model, x);
  x.select(2, 2).copy_(at::randn({4, kPatchTstShape.seq_len}));
  const auto after = forecast_of(*model, x);
  CHECK(at::allclose(after.narrow(2, 0, 2), before.narrow(2, 0, 2), 1e-5, 1e-5));
  CHECK_FALSE(at::allclose(after.select(2, 2), before.select(2, 2), 1e-3, 1e-3));
}

TEST_CASE("PatchTST: inference and autograd agree in each variant") {
  const auto model = patchtst(GENERATE(from_range(kVariants)));
  ForecastBatch batch;
  batch.x_enc = patchtst_windows();
  CHECK(at::allclose(model->forecast(batch), forecast_of(*model, batch), 1e-4, 1e-4));
}

TEST_CASE("PatchTST: with revin a shifted and scaled window has the shifted and scaled forecast") {
  const auto model = patchtst({{"subtract_last", GENERATE(true, false)}});
  const auto plain = forecast_of(*model, patchtst_windows());
  CHECK(at::allclose(forecast_of(*model, patchtst_windows() * 7 - 20), plain * 7 - 20, 1e-3, 1e-2));
}

TEST_CASE("PatchTST: gradients are the slopes of the loss") {
  auto changes = GENERATE(from_range(kVariants));
  changes["dropout"] = 0.0;
  const auto model = patchtst(changes);
  test::check_gradients(*model, patchtst_batch());
}

TEST_CASE("PatchTST: training follows the statistics of the batches, inference leaves them") {
  const auto model = patchtst();
  const auto mean = [&] {
    return runtime::state_dict(*model).at("model.backbone.encoder.layers.0.norm_attn.1.running_mean").clone();
  };
  const auto start = mean();
  forecast_of(*model, patchtst_windows());
  CHECK(at::equal(mean(), start));
  model->train();
  model->forecast(patchtst_batch());
  CHECK_FALSE(at::equal(mean(), start));
}

TEST_CASE("PatchTST: a head per variate has as many weights") {
  const auto weights = runtime::state_dict(*patchtst({{"individual", true}}));
  CHECK(weights.contains("model.head.linears.2.weight"));
  CHECK_FALSE(weights.contains("model.head.linears.3.weight"));
  CHECK_FALSE(weights.contains("model.head.linear.weight"));
}

TEST_CASE("PatchTST: impossible options are refused by name") {
  CHECK_THROWS_WITH(patchtst({{"patch_len", 30}}),
                    ContainsSubstring("patch_len (30) must not exceed seq_len (29)"));
  CHECK_THROWS_WITH(patchtst({{"kernel_size", 4}}), ContainsSubstring("kernel_size must be odd, got 4"));
  CHECK_THROWS_WITH(patchtst({{"n_heads", 13}}),
                    ContainsSubstring("d_model (12) must be at least n_heads (13)"));
  CHECK_THROWS_WITH(patchtst({{"padding_patch", "start"}}), ContainsSubstring("padding_patch"));
}

TEST_CASE("PatchTST: an official config has its flags as 0 and 1, and no padding as null") {
  const Config flat(Json{{"model", "PatchTST"},
                         {"individual", 1},
                         {"revin", 0},
                         {"padding_patch", nullptr},
                         {"seq_len", 24},
                         {"pred_len", 4},
                         {"enc_in", 3}},
                    "config.json");
  const auto model = forecast::read_official_config(flat, 0).model;
  CHECK(model.json().at("individual") == true);
  CHECK(model.json().at("revin") == false);
  CHECK(model.json().at("padding_patch") == "none");
}
