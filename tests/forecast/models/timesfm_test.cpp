#include "forecast/models/timesfm_model.h"

#include "forecast/models/timesfm_xreg.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::forecast;

namespace {

TimesFmOptions small_timesfm() {
  TimesFmOptions options;
  options.model_dims = 16;
  options.hidden_dims = 20;
  options.num_layers = 2;
  options.num_heads = 2;
  options.input_patch_len = 4;
  options.output_patch_len = 8;
  options.output_quantile_len = 16;
  options.context_limit = 64;
  return options;
}

std::shared_ptr<TimesFm> timesfm_model() {
  torch::manual_seed(13);
  const auto options = small_timesfm();
  auto model = std::make_shared<TimesFm>(options, options.official_shape());
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model->parameters()) parameter.normal_(0.0, 0.4);
  model->eval();
  return model;
}

TimesFmFlags all_flags(int64_t context, int64_t horizon) {
  TimesFmFlags flags;
  flags.max_context = context;
  flags.max_horizon = horizon;
  flags.normalize_inputs = flags.use_continuous_quantile_head = flags.fix_quantile_crossing = true;
  return flags;
}

}  // namespace

TEST_CASE(
    "TimesFM: gaps inside are filled along a line, at the end by the last value, at the start not at all") {
  const float kNone = std::numeric_limits<float>::quiet_NaN();
  const auto filled = without_gaps(at::tensor({kNone, 1.0F, kNone, kNone, 4.0F, kNone}));
  CHECK(at::allclose(filled, at::tensor({1.0F, 2.0F, 3.0F, 4.0F, 4.0F})));
  CHECK(without_gaps(at::full({3}, kNone)).numel() == 0);
}

TEST_CASE("TimesFM: running statistics are those of all points so far") {
  const auto values = at::randn({2, 12}).to(at::kFloat);
  auto mask = at::zeros({2, 12}, at::kBool);
  mask[1].narrow(0, 0, 5).fill_(true);
  auto stats = RunningStats::none(2, values.options());
  for (int64_t j = 0; j < 3; ++j) stats = stats.with(values.narrow(1, 4 * j, 4), mask.narrow(1, 4 * j, 4));
  CHECK(
      at::allclose(stats.mean, at::stack({values[0].mean(), values[1].narrow(0, 5, 7).mean()}), 1e-5, 1e-6));
  CHECK(at::allclose(stats.deviation, at::stack({values[0].std(false), values[1].narrow(0, 5, 7).std(false)}),
                     1e-5, 1e-6));
}

TEST_CASE(
    "TimesFM: with flip invariance the forecast of the negative is the negative, its quantiles in reverse") {
  const auto model = timesfm_model();
  auto flags = all_flags(24, 8);
  flags.infer_is_positive = flags.fix_quantile_crossing = false;
  const auto series = at::randn({20}).cumsum(0);
  const auto found = model->forecast_with_flags({series}, 8, flags),
             negative = model->forecast_with_flags({-series}, 8, flags);
  CHECK(at::allclose(negative.narrow(2, 1, 9), -found.narrow(2, 1, 9).flip(2), 1e-3, 1e-3));
}

TEST_CASE("TimesFM: quantiles ascend, and a series without negative values has no negative forecast") {
  const auto model = timesfm_model();
  auto flags = all_flags(24, 24);
  flags.use_continuous_quantile_head = false;
  const auto found = model->forecast_with_flags({at::rand({20}) * 0.1}, 20, flags);
  CHECK((found.narrow(2, 1, 9).diff(1, 2) >= 0).all().item<bool>());
  CHECK((found >= 0).all().item<bool>());
}

TEST_CASE("TimesFM: a series of missing values and a horizon beyond the flags are refused by name") {
  const auto model = timesfm_model();
  ZeroShotSeries series{"empty", at::full({1, 9}, NAN), {}};
  CHECK_THROWS_WITH(model->forecast_series(std::span(&series, 1), {}),
                    ContainsSubstring("series \"empty\": no value"));
  CHECK_THROWS_WITH(model->forecast_with_flags({at::randn({9})}, 30, all_flags(16, 8)),
                    ContainsSubstring("beyond max_horizon"));
  CHECK_THROWS_WITH(model->forecast_with_flags({at::randn({9})}, 8, all_flags(16, 24)),
                    ContainsSubstring("long quantile head"));
}

TEST_CASE("TimesFM: a cached pass is the one that reads everything again") {
  const c10::InferenceMode inference;
  const auto model = timesfm_model();
  const auto inputs = at::randn({2, 5, 4});
  const auto mask = at::zeros({2, 5, 4}, at::kBool);
  const auto whole = model->tokens(inputs, mask, {}, nullptr).output_embeddings;
  std::vector<nn::KvCache> cache(2, nn::KvCache(5));
  const auto part = [&](int64_t first, int64_t count) {
    return model->tokens(inputs.narrow(1, first, count), mask.narrow(1, first, count), {}, &cache)
        .output_embeddings;
  };
  const auto begin = part(0, 3), end = part(3, 2);
  CHECK(at::allclose(at::cat({begin, end}, 1), whole, 1e-4, 1e-4));
}

TEST_CASE("XReg: what is a line of the covariate is forecast as that line") {
  std::vector<ZeroShotSeries> series;
  std::vector<at::Tensor> targets;
  for (const int64_t length : {30, 22}) {
    const auto temp = at::randn({length + 6});
    targets.push_back(3.0 * temp.narrow(0, 0, length) + 1.0);
    series.push_back({std::to_string(length), targets.back().unsqueeze(0), {}});
    series.back().covariates.push_back(
        {"temp", true, temp.narrow(0, 0, length), temp.narrow(0, length, 6), {}, {}, {}});
  }
  const auto fit = fit_xreg(design_matrix(series, {}, 0.0), targets, 0.0);
  for (std::size_t i = 0; i < series.size(); ++i) {
    const auto future = series[i].covariates.front().future.to(at::kDouble);
    CHECK(at::allclose(fit.horizon[i], 3.0 * future + 1.0, 1e-4, 1e-4));
  }
}

TEST_CASE("XReg: two columns that say the same are no trouble") {
  ZeroShotSeries series{"a", at::randn({1, 20}), {}};
  const auto temp = at::randn({24});
  for (const char* name : {"one", "two"})
    series.covariates.push_back({name, true, temp.narrow(0, 0, 20), temp.narrow(0, 20, 4), {}, {}, {}});
  const std::vector<at::Tensor> targets{series.targets[0]};
  const auto fit = fit_xreg(design_matrix(std::span(&series, 1), {}, 0.0), targets, 0.0);
  CHECK(fit.horizon[0].abs().max().item<double>() < 20.0);
}

TEST_CASE("XReg: what the official code fails on is refused with both numbers") {
  const auto model = timesfm_model();
  auto flags = all_flags(16, 8);
  flags.return_backcast = true;
  const auto of_length = [&](int64_t length, int64_t horizon) {
    ZeroShotSeries series{"s" + std::to_string(length), at::randn({1, length}), {}};
    series.covariates.push_back({"temp", true, at::randn({length}), at::randn({horizon}), {}, {}, {}});
    return series;
  };
  const auto run = [&](const std::vector<ZeroShotSeries>& series) {
    return forecast_with_xreg(*model, series, {}, flags, XRegMode::model_first, {});
  };
  CHECK(run({of_length(12, 5)}).front().sizes() == at::IntArrayRef({5, 10}));
  CHECK_THROWS_WITH(run({of_length(20, 5)}), ContainsSubstring("20 steps, beyond max_context (16)"));
  CHECK_THROWS_WITH(run({of_length(4, 5)}), ContainsSubstring("no more than a patch (4)"));
  CHECK_THROWS_WITH(run({of_length(12, 5), of_length(13, 3)}),
                    ContainsSubstring("a horizon of 3 steps beside one of 5"));
}
