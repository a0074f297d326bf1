#include "forecast/models/chronos2_model.h"

#include "forecast/models/chronos2_prediction.h"
#include "forecast/models/chronos2_tuning.h"
#include "nn/lora.h"
#include "runtime/optimizer.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::forecast;

namespace {

Chronos2Options small_chronos2() {
  Chronos2Options options;
  options.d_model = 16;
  options.d_kv = 4;
  options.d_ff = 24;
  options.num_layers = 2;
  options.num_heads = 3;
  options.dropout_rate = 0.0;
  options.initializer_factor = 0.7;
  auto& patches = options.chronos_config;
  patches.context_length = 32;
  patches.input_patch_size = patches.input_patch_stride = patches.output_patch_size = 4;
  patches.max_output_patches = 3;
  return options;
}

std::shared_ptr<Chronos2> chronos2_model(const Chronos2Options& options = small_chronos2()) {
  torch::manual_seed(11);
  auto model = std::make_shared<Chronos2>(options, options.official_shape());
  model->eval();
  return model;
}

ZeroShotSeries series_called(const std::string& id, const at::Tensor& targets) {
  return {id, targets.dim() == 1 ? targets.unsqueeze(0) : targets, {}};
}

ZeroShotRequest asked(int64_t horizon, std::vector<double> levels = {}) {
  ZeroShotRequest request;
  request.horizon = horizon;
  request.levels = std::move(levels);
  return request;
}

ZeroShotCovariate numbers(const std::string& name, const at::Tensor& past, const at::Tensor& future = {}) {
  return {name, future.defined(), past, future, {}, {}, {}};
}

}  // namespace

TEST_CASE(
    "a series' forecast does not depend on the series beside it, unless they are asked to learn from each "
    "other") {
  const auto model = chronos2_model();
  const auto first = at::randn({20}).cumsum(0), second = at::randn({31}).cumsum(0);
  const std::vector<ZeroShotSeries> both{series_called("a", first), series_called("b", second)};
  const auto alone = model->forecast_series(std::span(both).first(1), asked(15, {0.1, 0.9})).front();
  const auto beside = model->forecast_series(both, asked(15, {0.1, 0.9})).front();
  CHECK(alone.point.sizes() == at::IntArrayRef({1, 15}));
  CHECK(alone.quantiles.sizes() == at::IntArrayRef({1, 2, 15}));
  CHECK(at::allclose(alone.point, beside.point, 1e-4, 1e-4));
  model->configure(Config::parse(R"({"cross_learning": true})", "--set"));
  CHECK_FALSE(at::allclose(alone.point, model->forecast_series(both, asked(15)).front().point, 1e-4, 1e-4));
}

TEST_CASE("a forecast follows the units of its input, and its targets each other") {
  const auto model = chronos2_model();
  const auto history = at::randn({2, 24}).cumsum(1);
  const auto of = [&](const at::Tensor& targets) {
    const auto series = series_called("a", targets);
    return model->forecast_series(std::span(&series, 1), asked(8)).front().point;
  };
  CHECK(at::allclose(of(1000.0 * history - 5.0), 1000.0 * of(history) - 5.0, 1e-3, 1e-1));
  CHECK_FALSE(at::allclose(of(history)[0], of(history[0])[0], 1e-3, 1e-3));
}

TEST_CASE("the last block's tokens are those of a pass that keeps all of them") {
  const c10::InferenceMode inference;
  const auto model = chronos2_model();
  Chronos2Input input;
  input.context = at::randn({3, 19});
  input.context[1].narrow(0, 0, 11).fill_(NAN);
  input.group_ids = at::tensor({0, 0, 1}, at::kLong);
  input.output_patches = 2;
  const auto fast = model->quantiles(input);
  runtime::Trace trace;
  input.trace = &trace;
  CHECK(at::allclose(fast, model->quantiles(input), 1e-5, 1e-5));
  CHECK(trace.size() > 5);
}

TEST_CASE("a horizon beyond one pass continues the first one") {
  const auto model = chronos2_model();
  const auto series = series_called("a", at::randn({30}).cumsum(0));
  const auto one_pass = model->forecast_series(std::span(&series, 1), asked(12)).front().point;
  const auto longer = model->forecast_series(std::span(&series, 1), asked(29)).front().point;
  CHECK(at::allclose(longer.narrow(1, 0, 12), one_pass, 1e-5, 1e-5));
  CHECK(longer.isfinite().all().item<bool>());
}

TEST_CASE("categories of one target become its shrunken mean, those of several targets their place") {
  const float kNone = std::numeric_limits<float>::quiet_NaN();
  ZeroShotCovariate event{"event",
                          true,
                          {},
                          {},
                          {"b", "a", "c"},
                          {0, 1, 0, ZeroShotCovariate::kMissing},
                          {1, 2, ZeroShotCovariate::kUnknown}};
  ZeroShotSeries one = series_called("s", at::tensor({1.0F, 2.0F, 4.0F, kNone}));
  // As a table of doubles gives them.
  one.targets = one.targets.to(GENERATE(at::kFloat, at::kDouble));
  one.covariates = {event};
  const auto encoded = chronos2_rows(std::span(&one, 1), 3).front();
  const double mean = 7.0 / 3.0;
  const auto b = static_cast<float>((mean + 5.0) / 3.0), a = static_cast<float>((mean + 2.0) / 2.0),
             none = static_cast<float>(mean);
  CHECK(at::allclose(encoded.context[1], at::tensor({b, a, b, none})));
  CHECK(at::allclose(encoded.future[1], at::tensor({a, none, none})));
  CHECK(encoded.known == 1);
  auto two = one;
  two.targets = at::cat({one.targets, one.targets});
  const auto ordinal = chronos2_rows(std::span(&two, 1), 3).front();
  CHECK(at::equal(ordinal.context[2], at::tensor({1.0F, 0.0F, 1.0F, 2.0F})));
  CHECK(ordinal.future[2][0].item<float>() == 0.0F);
  CHECK(ordinal.future[2].narrow(0, 1, 2).isnan().all().item<bool>());
}

TEST_CASE("a known covariate changes the forecast, and an unknown step of it does not end it") {
  const auto model = chronos2_model();
  ZeroShotSeries series = series_called("a", at::randn({20}).cumsum(0));
  const auto plain = model->forecast_series(std::span(&series, 1), asked(6)).front().point;
  auto future = at::randn({6});
  future[2] = NAN;
  series.covariates = {numbers("price", at::randn({20})), numbers("temp", at::randn({20}), future)};
  const auto found = model->forecast_series(std::span(&series, 1), asked(6)).front().point;
  CHECK(found.sizes() == at::IntArrayRef({1, 6}));
  CHECK_FALSE(at::allclose(plain, found, 1e-4, 1e-4));
  CHECK(found.isfinite().all().item<bool>());
}

TEST_CASE("bad series are named") {
  const auto model = chronos2_model();
  const auto [change, message] = GENERATE(table<std::function<void(ZeroShotSeries&)>, std::string>(
      {{[](ZeroShotSeries& s) {
          s.targets = at::empty({1, 0});
        },
        "series \"a\": no value"},
       {[](ZeroShotSeries& s) {
          s.targets = at::full({1, 4}, INFINITY);
        },
        "the history holds an infinite value"},
       {[](ZeroShotSeries& s) { s.covariates = {numbers("price", at::ones({3}))}; },
        "the covariate \"price\" has 3 past values, expected 8"},
       {[](ZeroShotSeries& s) { s.covariates = {numbers("price", at::ones({8}), at::ones({5}))}; },
        "the covariate \"price\" has 5 future values, expected 6"}}));
  auto series = series_called("a", at::randn({8}));
  change(series);
  CHECK_THROWS_WITH(model->forecast_series(std::span(&series, 1), asked(6)), ContainsSubstring(message));
}

TEST_CASE("a level beyond the model's, and an option that it does not have, are refused") {
  const auto model = chronos2_model();
  const auto series = series_called("a", at::randn({8}));
  CHECK_THROWS_WITH(model->forecast_series(std::span(&series, 1), asked(2, {0.001})),
                    ContainsSubstring("quantiles from 0.01 to 0.99, 0.001 lies outside"));
  CHECK_THROWS_WITH(model->configure(Config::parse(R"({"cross_learnin": true})", "--set")),
                    ContainsSubstring("cross_learning"));
}

TEST_CASE("one point, a constant series and one of missing values have finite forecasts") {
  const auto model = chronos2_model();
  const auto history =
      GENERATE(as<at::Tensor>(), at::tensor({3.5F}), at::full({9}, 2.0F), at::full({9}, NAN));
  const auto series = series_called("a", history);
  CHECK(model->forecast_series(std::span(&series, 1), asked(20)).front().point.isfinite().all().item<bool>());
}

TEST_CASE("LoRA trains little, leaves the forecast as it was at first, and merges into the same weights") {
  const auto model = chronos2_model();
  Chronos2Input input;
  input.context = at::randn({4, 24});
  input.output_patches = 2;
  const auto target = at::randn({4, 8});
  const auto before = model->quantiles(input).detach();
  const std::vector<std::string> targets(std::begin(kChronos2LoraTargets), std::end(kChronos2LoraTargets));
  nn::add_lora(*model, targets, {.r = 2, .scale = 2.0}, "test");
  CHECK(at::allclose(model->quantiles(input), before, 1e-5, 1e-5));
  runtime::TrainingOptions options;
  std::vector<at::Tensor> trained;
  for (const auto& parameter : model->parameters()) {
    if (parameter.requires_grad()) trained.push_back(parameter);
  }
  runtime::Optimizer optimizer(trained, options);
  const double first = model->official_loss(input, target).item<double>();
  for (int step = 0; step < 20; ++step) {
    optimizer.zero_grad();
    model->official_loss(input, target).backward();
    optimizer.step(1e-2);
  }
  CHECK(model->official_loss(input, target).item<double>() < first);
  const test::TempDir temp;
  nn::write_lora_adapter(temp.path(), *model, targets, {.r = 2, .scale = 2.0}, "base");
  const auto adapter = nn::LoraAdapter::open(temp.path());
  runtime::NamedTensors base;
  for (const auto& [name, tensor] : nn::tensors_without_lora(*model)) base.add(name, tensor);
  const auto merged = chronos2_model();
  runtime::load_strictly(*merged, adapter.merged_into(base), "merged");
  const c10::InferenceMode inference;
  CHECK(at::allclose(merged->quantiles(input), model->quantiles(input), 1e-4, 1e-4));
}

TEST_CASE("an adapter that is not plain LoRA, or of another model, or without its base, is refused") {
  const auto model = chronos2_model();
  nn::add_lora(*model, {"self_attention.q"}, {.r = 2, .scale = 2.0}, "test");
  const test::TempDir temp;
  nn::write_lora_adapter(temp.path(), *model, {"self_attention.q"}, {.r = 2, .scale = 2.0}, "elsewhere");
  CHECK_THROWS_WITH(nn::LoraAdapter::open(temp.path()).base(temp.path()),
                    ContainsSubstring("which is not here"));
  CHECK_THROWS_WITH(nn::LoraAdapter::open(temp.path()).merged_into(runtime::NamedTensors()),
                    ContainsSubstring("does not fit the model"));
  auto config = Json::parse(test::read_file(temp / "adapter_config.json"));
  config["use_dora"] = true;
  temp.write("adapter_config.json", config.dump());
  CHECK_THROWS_WITH(nn::LoraAdapter::open(temp.path()), ContainsSubstring("use_dora"));
  CHECK_THROWS_WITH(nn::add_lora(*chronos2_model(), {"self_attention.x"}, {.r = 2}, "tune.json"),
                    ContainsSubstring("names no linear layer"));
}

TEST_CASE("a cut's batch holds the history before it and the steps after it") {
  ZeroShotSeries series = series_called("a", at::arange(20, at::kFloat));
  series.covariates = {numbers("temp", at::arange(100, 120, at::kFloat), at::empty({0}))};
  const TuningWindows windows(std::span(&series, 1), {4, 3, 2, 6});
  int64_t calls = 0;
  const auto batch = windows.random_batch([&](int64_t low, int64_t high) {
    CHECK(high > low);
    return calls++ == 0 ? low : 10;
  });
  CHECK(at::equal(batch.input.context[0], at::arange(4, 10, at::kFloat)));
  CHECK(at::equal(batch.target[0], at::arange(10, 14, at::kFloat)));
  CHECK(batch.target[1].isnan().all().item<bool>());
  CHECK(at::equal(batch.input.future_covariates[1], at::arange(110, 114, at::kFloat)));
  CHECK_THROWS_AS(TuningWindows(std::span(&series, 1), {18, 3, 2, 6}), DataError);
}
