#include <filesystem>

#include "forecast/forecast_model.h"
#include "forecast/models/time_moe_model.h"
#include "runtime/safetensors.h"
#include "support/one_thread.h"
#include "support/series.h"
#include "support/test.h"

using namespace arzoo;
using forecast::ForecastModel;
using forecast::GenerationStep;
using forecast::TimeMoe;
using forecast::TimeMoeOptions;
using test::TempDir;

namespace {

TimeMoeOptions small_time_moe() {
  TimeMoeOptions options;
  options.hidden_size = 16;
  options.intermediate_size = 20;
  options.num_hidden_layers = 2;
  options.num_attention_heads = 2;
  options.num_experts = 3;
  options.initializer_range = 0.3;
  return options;
}

std::shared_ptr<TimeMoe> small_model(const TimeMoeOptions& options = small_time_moe()) {
  torch::manual_seed(7);
  auto model = std::make_shared<TimeMoe>(options, options.official_shape());
  model->eval();
  return model;
}

/// The model in the folder that a user would download.
std::filesystem::path published(const TempDir& temp, at::ScalarType type = at::kFloat) {
  const auto options = small_time_moe();
  Json config = to_json(options);
  config["model_type"] = "time_moe";
  config["architectures"] = {"TimeMoeForPrediction"};
  config["torch_dtype"] = "bfloat16";
  config["max_position_embeddings"] = 64;
  temp.write("hub/config.json", config.dump());
  const auto model = small_model(options);
  model->to(type);
  runtime::write_safetensors(temp / "hub/model.safetensors", runtime::state_dict(*model).entries(),
                             {{"format", "pt"}});
  return temp / "hub";
}

ForecastModel open_time_moe(const std::filesystem::path& folder) {
  return ForecastModel::open(folder, std::nullopt, {});
}

/// The last rows of a table.
io::SeriesTable end_of(io::SeriesTable table, std::size_t rows) {
  const auto width = table.variates.size();
  table.values.erase(table.values.begin(), table.values.end() - static_cast<int64_t>(rows * width));
  table.stamps.erase(table.stamps.begin(), table.stamps.end() - static_cast<int64_t>(rows));
  return table;
}

}  // namespace

TEST_CASE("a horizon is reached by the longest heads that do not look beyond it") {
  const auto [horizon, blocks] =
      GENERATE(table<int64_t, std::vector<int64_t>>({{1, {1}},
                                                     {7, {1, 1, 1, 1, 1, 1, 1}},
                                                     {8, {8}},
                                                     {96, {64, 32}},
                                                     {111, {64, 32, 8, 1, 1, 1, 1, 1, 1, 1}},
                                                     {192, {64, 64, 64}}}));
  std::vector<GenerationStep> steps;
  const auto all = small_model()->generate(at::randn({2, 10}), horizon, {}, &steps);
  CHECK(all.sizes() == at::IntArrayRef({2, 10 + horizon}));
  std::vector<int64_t> lengths;
  for (const auto& step : steps) lengths.push_back(step.output_len);
  CHECK(lengths == blocks);
}

TEST_CASE("a first head that looks beyond the horizon is cut") {
  auto options = small_time_moe();
  options.horizon_lengths = {4, 16};
  std::vector<GenerationStep> steps;
  const auto all = small_model(options)->generate(at::randn({1, 5}), 18, {}, &steps);
  CHECK(all.size(1) == 23);
  CHECK(steps.back().output_len == 2);
}

TEST_CASE("a cached generation is the one that reads everything again") {
  const c10::InferenceMode inference;
  const auto model = small_model();
  const auto context = at::randn({2, 12});
  const auto cached = model->generate(context, 41);
  auto again = context;
  for (const int64_t head : {2, 1, 0}) {
    forecast::TimeMoeInput input;
    input.values = again;
    const auto hidden = model->states(input).hidden;
    again = at::cat({again, model->logits(hidden, head).select(1, again.size(1) - 1)}, 1);
  }
  CHECK(at::allclose(again, cached, 1e-4, 1e-4));
}

TEST_CASE("a roll-out step by step with drafts is the one without, in fewer passes where drafts may differ") {
  const c10::InferenceMode inference;
  auto options = small_time_moe();
  options.horizon_lengths = {1};
  const auto context = at::randn({2, 12});
  // With a head of one step alone the official schedule is the roll-out step by step.
  CHECK(at::allclose(small_model(options)->roll_out(context, 9, {}, {}),
                     small_model(options)->generate(context, 9).narrow(1, 12, 9), 1e-4, 1e-4));
  const auto model = small_model();
  const auto rolled = [&](int64_t drafts, double tolerance, forecast::RollOutCounts& counts) {
    return model->roll_out(context, 40, {},
                           {.roll_out = "one_step", .drafts = drafts, .tolerance = tolerance}, &counts);
  };
  forecast::RollOutCounts plain, exact, near, any;
  const auto one = rolled(0, 0.0, plain);
  CHECK(at::allclose(rolled(31, 0.0, exact), one, 1e-4, 1e-4));
  CHECK(plain.passes == 2 * 40);
  CHECK(exact.passes <= plain.passes);
  CHECK(exact.steps == 2 * 40);
  const auto close = rolled(31, 0.3, near);
  CHECK(near.passes <= exact.passes);
  CHECK_FALSE(at::equal(rolled(31, 1e6, any), one));
  CHECK(any.passes == 2 * 3);  // 1 step, then 31 drafts and 1, then 6 drafts and 1
  CHECK(any.accepted == any.drafts);
}

TEST_CASE("series roll out together as they roll out alone") {
  const c10::InferenceMode inference;
  const auto model = small_model();
  const auto context = at::randn({3, 12});
  auto mask = at::ones({3, 12}, at::kLong);
  mask[1].narrow(0, 0, 5).zero_();
  const forecast::TimeMoeForecastOptions options{.roll_out = "one_step", .tolerance = 0.2};
  forecast::RollOutCounts together, alone;
  const auto all = model->roll_out(context, 20, mask, options, &together);
  for (int64_t row = 0; row < 3; ++row) {
    const int64_t known = row == 1 ? 7 : 12;
    CHECK(at::allclose(
        model->roll_out(context[row].narrow(0, 12 - known, known).unsqueeze(0), 20, {}, options, &alone)[0],
        all[row], 1e-4, 1e-4));
  }
  CHECK(together.passes == alone.passes);
}

TEST_CASE("padding on the left changes nothing, whatever stands in it") {
  const c10::InferenceMode inference;
  const auto model = small_model();
  const auto series = at::randn({1, 9});
  const float filler = GENERATE(0.0F, 1e30F, std::numeric_limits<float>::quiet_NaN());
  const auto padded = at::cat({at::full({1, 5}, filler), series}, 1);
  const auto kept = at::cat({at::zeros({1, 5}, at::kLong), at::ones({1, 9}, at::kLong)}, 1);
  CHECK(
      at::allclose(model->forecast_rows(padded, kept, 45), model->forecast_rows(series, {}, 45), 1e-4, 1e-4));
}

TEST_CASE("the balance loss is K under an even load, more under an uneven one, and pools the layers") {
  const auto even = at::eye(4).repeat({3, 1}) * 1e-6;  // every expert first as often as any other
  CHECK(forecast::balance_loss({even}, 1, {}).item<double>() == Approx(1.0).epsilon(1e-4));
  const auto uneven = at::tensor({9.0F, 0.0F, 0.0F, 0.0F}).repeat({12, 1});
  CHECK(forecast::balance_loss({uneven}, 1, {}).item<double>() > 3.9);
  const auto other = uneven.roll(1, 1);
  CHECK(forecast::balance_loss({uneven, other}, 1, {}).item<double>() == Approx(2.0).epsilon(1e-2));
}

TEST_CASE("labels beyond the end count as zeros unless a mask leaves them out") {
  const auto labels = at::ones({1, 3, 1}), forecasts = at::ones({1, 3, 2});
  CHECK(forecast::horizon_loss(forecasts, labels, {}).item<double>() == Approx(0.5 / 6));
  CHECK(forecast::horizon_loss(forecasts, labels, at::ones({1, 3})).item<double>() == 0.0);
  CHECK(forecast::horizon_loss(forecasts * 6, labels, at::ones({1, 3})).item<double>() == Approx(8.0));
}

TEST_CASE("options that the official code rejects or cannot run are named") {
  const auto [changes, text] = GENERATE(table<std::string, std::string>(
      {{R"({"use_dense": true})", "exactly one of use_dense and apply_aux_loss"},
       {R"({"num_experts": 1})", "num_experts_per_tok (2) must not exceed num_experts (1)"},
       {R"({"horizon_lengths": [8, 1]})", "horizon_lengths must ascend, got 1 after 8"},
       {R"({"hidden_size": 30})", "hidden_size (30) must be a multiple"},
       {R"({"num_key_value_heads": 5})", "num_key_value_heads (5)"},
       {R"({"hidden_act": "tanh"})", "silu"}}));
  CHECK_THROWS_WITH(Config::parse(changes, "config.json").as<TimeMoeOptions>(), ContainsSubstring(text));
}

TEST_CASE("a published folder forecasts any table, each variate by itself, from as many rows as there are") {
  const TempDir temp;
  const auto type = GENERATE(at::kFloat, at::kBFloat16);
  const auto model = open_time_moe(published(temp, type));
  CHECK(model.name() == "time_moe");
  const auto table = test::hourly_table(40, {"a", "b"}, 300);
  const auto long_one = model.forecast({table}, 20, {}).front();
  CHECK(long_one.variates == table.variates);
  CHECK(long_one.mean.sizes() == at::IntArrayRef({20, 2}));
  CHECK(long_one.mean.isfinite().all().item<bool>());
  // Beside a shorter one, which makes it padded and not another series.
  const auto both = model.forecast({end_of(table, 7), table}, 20, {});
  CHECK(at::allclose(both[1].mean, long_one.mean, 1e-4, 1e-4));
  CHECK(at::allclose(both[0].mean, model.forecast({end_of(table, 7)}, 20, {}).front().mean, 1e-4, 1e-4));
}

TEST_CASE("a published model of several numbers in a time point is no forecaster of series, which is said") {
  const TempDir temp;
  auto options = small_time_moe();
  options.input_size = 3;
  auto config = to_json(options);
  config["model_type"] = "time_moe";
  temp.write("hub/config.json", config.dump());
  runtime::write_safetensors(temp / "hub/model.safetensors",
                             runtime::state_dict(*small_model(options)).entries(), {});
  const auto model = open_time_moe(temp / "hub");
  CHECK_THROWS_AS(model.forecast({test::hourly_table(30, {"a"}, 300)}, 9, {}), ConfigError);
  CHECK_THROWS_WITH(
      model.forecast({test::hourly_table(30, {"a"}, 300)}, 9, {}),
      "time_moe: input_size: a model of 3 numbers in a time point, expected 1 to forecast series");
}

TEST_CASE("a zero-shot forecast follows the units of its input") {
  const TempDir temp;
  const auto model = open_time_moe(published(temp));
  const auto table = test::hourly_table(30, {"a"}, 300);
  auto other = table;
  for (auto& value : other.values) value = 1000.0 * value - 5.0;
  const auto mean = model.forecast({table}, 9, {}).front().mean;
  CHECK(at::allclose(model.forecast({other}, 9, {}).front().mean, 1000.0 * mean - 5.0, 1e-3, 1e-1));
}

TEST_CASE("a constant series, and one of a single row, have a finite zero-shot forecast") {
  const TempDir temp;
  const auto model = open_time_moe(published(temp));
  auto table = end_of(test::hourly_table(30, {"a"}, 300), GENERATE(std::size_t{1}, std::size_t{12}));
  for (auto& value : table.values) value = 3.5;
  CHECK(model.forecast({table}, 9, {}).front().mean.isfinite().all().item<bool>());
}

TEST_CASE("a sharded folder forecasts as the whole one") {
  const TempDir temp;
  const auto folder = published(temp);
  const auto table = test::hourly_table(30, {"a"}, 300);
  const auto whole = open_time_moe(folder).forecast({table}, 9, {}).front().mean;
  const auto model = small_model();
  const auto entries = runtime::state_dict(*model).entries();
  Json index{{"metadata", Json::object()}, {"weight_map", Json::object()}};
  const std::size_t half = entries.size() / 2;
  for (std::size_t i = 0; i < entries.size(); ++i)
    index["weight_map"][entries[i].first] =
        fmt::format("model-0000{}-of-00002.safetensors", i < half ? 1 : 2);
  std::filesystem::remove(folder / "model.safetensors");
  runtime::write_safetensors(folder / "model-00001-of-00002.safetensors",
                             {entries.begin(), entries.begin() + static_cast<int64_t>(half)}, {});
  runtime::write_safetensors(folder / "model-00002-of-00002.safetensors",
                             {entries.begin() + static_cast<int64_t>(half), entries.end()}, {});
  temp.write("hub/model.safetensors.index.json", index.dump());
  // The weights lie at other addresses of the mapped files, and MKL's products may differ by an ulp with the
  // alignment.
  CHECK(at::allclose(open_time_moe(folder).forecast({table}, 9, {}).front().mean, whole, 1e-6, 1e-6));
}

TEST_CASE("many series of unequal length come out in the order in which they went in") {
  const TempDir temp;
  const auto model = open_time_moe(published(temp));
  std::vector<io::SeriesTable> tables;
  for (const std::size_t rows : {30, 5, 50, 28, 6, 31})
    tables.push_back(end_of(test::hourly_table(60, {"a"}, 100 + static_cast<int64_t>(rows)), rows));
  const auto together = model.forecast(tables, 9, {});
  REQUIRE(together.size() == tables.size());
  for (std::size_t i = 0; i < tables.size(); ++i) {
    INFO(i);
    CHECK(at::allclose(together[i].mean, model.forecast({tables[i]}, 9, {}).front().mean, 1e-4, 1e-4));
  }
}

TEST_CASE("a zero-shot model sees as much history as leaves room for the forecast") {
  const TempDir temp;
  const auto model = open_time_moe(published(temp));  // for 64 steps
  CHECK(model.most_context(20) == 44);
  CHECK(model.most_context(60) == 32);
}
