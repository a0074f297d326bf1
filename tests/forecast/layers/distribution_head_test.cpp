#include "forecast/layers/distribution_head.h"

#include <cmath>

#include "forecast/zoo.h"
#include "support/test.h"

using namespace arzoo;
using forecast::DistributionHead;
using forecast::LossOptions;
using forecast::SeriesShape;

namespace {

const SeriesShape kShape{
    .seq_len = 12, .label_len = 4, .pred_len = 5, .enc_in = 3, .c_out = 2, .marks = 4, .known_in = 2};

forecast::ForecastBatch windows() {
  forecast::ForecastBatch batch;
  batch.x_enc = at::randn({7, 12, 3});
  batch.x_mark_dec = at::randn({7, 9, 4});
  batch.known = at::randn({7, 17, 2});
  batch.target = at::randn({7, 5, 2});
  return batch;
}

LossOptions options_of(const std::string& loss, std::vector<double> quantiles = {0.1, 0.4, 0.6, 0.95}) {
  LossOptions options;
  options.loss = loss;
  options.quantiles = std::move(quantiles);
  return options;
}

Config text(const std::string& json) { return Config(Json::parse(json), "x.json"); }

}  // namespace

TEST_CASE("quantiles never cross, whatever the weights") {
  torch::manual_seed(5);
  DistributionHead head(options_of("quantile"), kShape);
  for (const double size : {0.1, 1.0, 30.0}) {
    const torch::NoGradGuard no_grad;
    for (auto& parameter : head.parameters()) parameter.normal_(0.0, size);
    const auto batch = windows();
    const auto point = at::randn({7, 5, 2});
    const auto distribution = head.forward(batch, point);
    CHECK(distribution.levels() == std::vector<double>{0.1, 0.4, 0.5, 0.6, 0.95});
    CHECK(at::equal(distribution.median(), point));
    auto before = distribution.quantile(0.001);
    for (const double level : {0.1, 0.2, 0.4, 0.45, 0.5, 0.6, 0.9, 0.95, 0.999}) {
      const auto next = distribution.quantile(level);
      CHECK(next.ge(before).all().item<bool>());
      before = next;
    }
  }
}

TEST_CASE("a fresh head's distributions are about standard normal around the forecast") {
  torch::manual_seed(6);
  const auto loss = GENERATE("normal", "quantile", "student_t");
  DistributionHead head(options_of(loss), kShape);
  const auto distribution = head.forward(windows(), at::zeros({7, 5, 2}));
  CHECK(distribution.quantile(0.95).mean().item<double>() == Approx(1.7).margin(0.6));
}

TEST_CASE("a loss reaches every parameter of model and head, and a cell that was not measured none") {
  const auto loss = GENERATE("normal", "quantile", "student_t");
  torch::manual_seed(7);
  DistributionHead head(options_of(loss), kShape);
  auto batch = windows();
  const auto point = at::randn({7, 5, 2}).requires_grad_();
  head.forward(batch, point).loss(batch.target).mean().backward();
  CHECK(point.grad().isfinite().all().item<bool>());
  CHECK(point.grad().abs().max().item<double>() > 0);
  for (const auto& parameter : head.named_parameters()) {
    INFO(parameter.key());
    REQUIRE(parameter.value().grad().defined());
    CHECK(parameter.value().grad().isfinite().all().item<bool>());
    CHECK(parameter.value().grad().abs().max().item<double>() > 0);
  }
}

TEST_CASE("point losses are those of their names, over the cells that count") {
  torch::manual_seed(8);
  const SeriesShape shape{.seq_len = 48, .label_len = 0, .pred_len = 24, .enc_in = 2, .c_out = 2, .marks = 0};
  const auto model = forecast::build(text(R"({"name": "mixlinear", "period_len": 24, "lpf": 2})"), shape);
  forecast::ForecastBatch batch;
  batch.x_enc = at::randn({3, 48, 2});
  batch.target = at::randn({3, 24, 2});
  const auto forecast = model->forecast(batch);
  LossOptions options;
  const auto loss = [&](const char* name, double delta = 1.0) {
    options.loss = name;
    options.huber_delta = delta;
    return forecast::training_loss(*model, nullptr, options, batch).total.item<double>();
  };
  const auto error = forecast - batch.target;
  CHECK(loss("mse") == model->loss(batch).total.item<double>());
  CHECK(loss("mae") == Approx(error.abs().mean().item<double>()));
  const auto small = error.abs().le(0.5);
  CHECK(loss("huber", 0.5) ==
        Approx(at::where(small, error.square() * 0.5, (error.abs() - 0.25) * 0.5).mean().item<double>()));
  batch.measured = batch.target.gt(0);
  CHECK(loss("mae") == Approx(error.abs().masked_select(batch.measured).mean().item<double>()));
}

TEST_CASE("a point loss adds no parameter") {
  const SeriesShape shape{.seq_len = 48, .label_len = 0, .pred_len = 24, .enc_in = 2, .c_out = 2, .marks = 0};
  const auto config = text(R"({"name": "mixlinear", "period_len": 24, "lpf": 2})");
  const auto model = forecast::build(config, shape);
  const auto before = model->parameters().size();
  CHECK(forecast::add_distribution_head(*model, options_of("huber"), shape, config) == nullptr);
  CHECK(model->parameters().size() == before);
  const auto head = forecast::add_distribution_head(*model, options_of("normal"), shape, config);
  CHECK(model->parameters().size() == before + head->parameters().size());
  CHECK(model->named_parameters().contains("distribution_head.of_step"));
}

TEST_CASE("options of the loss are checked") {
  const auto [json, message] = GENERATE(table<std::string, std::string>({
      {R"({"loss": "hubert"})",
       R"(/loss: expected one of "mse", "mae", "huber", "quantile", "student_t", "normal")"},
      {R"({"huber_delta": 0})", "/huber_delta: expected a number"},
      {R"({"huber_delta": -1})", "/huber_delta: expected a number"},
      {R"({"quantiles": []})", "/quantiles: expected a list of at least 1"},
      {R"({"quantiles": [0.0, 0.5]})", "/quantiles/0: expected a number"},
      {R"({"quantiles": [0.5, 1.0]})", "/quantiles/1: expected a number"},
      {R"({"quantiles": [0.5, 0.1]})", "quantiles must ascend, got 0.5 before 0.1"},
      {R"({"quantiles": [0.1, 0.1]})", "quantiles must ascend, got 0.1 before 0.1"},
      {R"({"quantiles": [0.5]})", "the median alone is no distribution"},
  }));
  INFO(json);
  CHECK_THROWS_WITH(text(json).as<forecast::ForecastTrainingOptions>(), ContainsSubstring(message));
  Json many = Json::array();
  for (int i = 1; i <= 100; ++i) many.push_back(i / 101.0);
  CHECK_THROWS_WITH(Config(Json{{"quantiles", many}}, "x.json").as<LossOptions>(),
                    ContainsSubstring("quantiles: at most 99 levels, got 100"));
}

TEST_CASE("a head that memory cannot hold is refused before it is made") {
  const SeriesShape shape{.seq_len = 1'000'000'000, .pred_len = 4};
  const auto model =
      forecast::build(text(R"({"name": "mixlinear"})"), {.seq_len = 96, .pred_len = 24, .marks = 0});
  CHECK_THROWS_AS(forecast::add_distribution_head(*model, options_of("quantile"), shape, text("{}")),
                  ConfigError);
}
