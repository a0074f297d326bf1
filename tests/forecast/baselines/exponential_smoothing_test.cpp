#include "forecast/baselines/exponential_smoothing.h"

#include <cmath>
#include <numbers>

#include "core/config.h"
#include "forecast/baselines/seasonal_adjustment.h"
#include "forecast/baselines/theta_method.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::test;
using forecast::EtsForm;
using forecast::EtsModel;

namespace {

/// What statsforecast and statsmodels say (scripts/reference/classical_methods.py).
const Json& reference() {
  static const auto config = Config::load(source_dir() / "tests/fixtures/baselines/reference.json");
  return config.json();
}

std::vector<double> reference_series() { return reference().at("y").get<std::vector<double>>(); }

EtsModel described(const Json& entry) {
  EtsModel model;
  model.form.multiplicative_error = entry.at("error") == "mul";
  model.form.trend = entry.at("trend").is_null()      ? EtsForm::Trend::none
                     : entry.at("damped").get<bool>() ? EtsForm::Trend::damped
                                                      : EtsForm::Trend::additive;
  model.form.season = entry.at("season").is_null()  ? EtsForm::Season::none
                      : entry.at("season") == "add" ? EtsForm::Season::additive
                                                    : EtsForm::Season::multiplicative;
  const auto& parameters = reference().at("parameters");
  model.alpha = parameters.at("smoothing_level");
  model.beta = parameters.at("smoothing_trend");
  model.gamma = parameters.at("smoothing_seasonal");
  model.phi = entry.at("damped").get<bool>() ? parameters.at("damping_trend").get<double>() : 1.0;
  model.level = 51.0;
  model.slope = entry.at("trend").is_null() ? 0.0 : 0.3;
  model.seasonal = entry.at("first").get<std::vector<double>>();
  return model;
}

/// statsmodels' log-likelihood of ours, which lacks its constant and is turned and doubled.
double log_likelihood(double ours, std::size_t steps) {
  const auto n = static_cast<double>(steps);
  return -0.5 * (ours + n * (std::log(2.0 * std::numbers::pi / n) + 1.0));
}

}  // namespace

TEST_CASE("likelihood, forecast and variance of every form equal those of statsforecast and statsmodels") {
  const auto values = reference_series();
  for (const auto& entry : reference().at("smoothed")) {
    const auto model = described(entry);
    INFO(model.form.name());
    CHECK(forecast::ets_likelihood(model, values) ==
          Approx(entry.at("likelihood").get<double>()).epsilon(1e-10));
    const auto expected = entry.at("forecast").get<std::vector<double>>();
    const auto ahead = forecast::forecast_ets(model, values, static_cast<int64_t>(expected.size()));
    for (std::size_t step = 0; step < expected.size(); ++step) {
      CHECK(ahead.mean[step] == Approx(expected[step]).epsilon(1e-10));
      if (!entry.contains("variance_growth")) continue;
      const double growth = std::pow(ahead.stddev[step] / ahead.stddev[0], 2);
      CHECK(growth == Approx(entry.at("variance_growth")[step].get<double>()).epsilon(1e-10));
    }
  }
}

TEST_CASE("a fit is as likely as that of statsmodels") {
  const auto values = reference_series();
  const auto check = [&](const char* name, const EtsForm& form) {
    const auto fitted = forecast::fit_ets(values, form, 1);
    REQUIRE(fitted);
    INFO(name);
    const double ours = log_likelihood(forecast::ets_likelihood(*fitted, values), values.size());
    CHECK(ours > reference().at("fits").at(name).get<double>() - 0.05);
  };
  check("ANN", {});
  check("AAdN", {false, EtsForm::Trend::damped, EtsForm::Season::none});
}

TEST_CASE("the seasonal indices equal those of statsmodels") {
  const auto values = reference_series();
  for (const bool multiplicative : {false, true}) {
    const auto found = forecast::classical_decomposition(values, 12, multiplicative);
    const auto expected = reference()
                              .at("indices")
                              .at(multiplicative ? "multiplicative" : "additive")
                              .get<std::vector<double>>();
    for (std::size_t phase = 0; phase < 12; ++phase)
      CHECK(found.indices[phase] == Approx(expected[phase]).epsilon(1e-10));
    for (std::size_t t = 0; t < values.size(); ++t)
      CHECK(found.restored(found.adjusted[t], t) == Approx(values[t]));
  }
}

TEST_CASE("the Theta forecast equals that of statsmodels up to the smoothing parameter's optimiser") {
  const auto values = reference_series();
  CHECK(forecast::is_seasonal(values, 12));
  const auto expected = reference().at("theta").at("forecast").get<std::vector<double>>();
  const auto ahead = forecast::forecast_theta(values, static_cast<int64_t>(expected.size()), 12);
  for (std::size_t step = 0; step < expected.size(); ++step)
    CHECK(ahead.mean[step] == Approx(expected[step]).epsilon(5e-3));
}

TEST_CASE("the form follows the series") {
  std::vector<double> line, waves;
  for (int t = 0; t < 80; ++t) {
    const double noise = 0.1 * std::sin(12.9898 * t * t);
    line.push_back(3.0 + 0.5 * t + noise);
    waves.push_back((20.0 + 0.8 * t) * (1.0 + 0.4 * std::sin(2 * std::numbers::pi * t / 8)) + noise);
  }
  const auto straight = forecast::forecast_ets(line, 10, 1);
  CHECK(straight.mean[9] == Approx(3.0 + 0.5 * 89).epsilon(0.01));
  const auto seasonal = forecast::forecast_ets(waves, 8, 8);
  for (int step = 0; step < 8; ++step) {
    const int t = 80 + step;
    CHECK(seasonal.mean[static_cast<std::size_t>(step)] ==
          Approx((20.0 + 0.8 * t) * (1.0 + 0.4 * std::sin(2 * std::numbers::pi * t / 8))).epsilon(0.03));
  }
}

TEST_CASE("short, constant and huge series have a forecast") {
  using Values = std::vector<double>;
  for (const auto& values : {Values{4.0}, Values{1.0, 2.0}, Values(3, 5.0), Values(50, 0.0), Values(50, -7.0),
                             Values{1e300, 2e300, 1e300, 2e300, 1e300, 2e300}, Values(30, 1e-300)}) {
    for (const int64_t season : {1, 4, 400}) {
      const auto smoothed = forecast::forecast_ets(values, 6, season);
      const auto theta = forecast::forecast_theta(values, 6, season);
      for (std::size_t step = 0; step < 6; ++step) {
        INFO(values.size() << " values like " << values.front() << ", season " << season);
        CHECK(std::isfinite(smoothed.mean[step]));
        CHECK(std::isfinite(theta.mean[step]));
        CHECK(smoothed.stddev[step] >= 0.0);
      }
    }
  }
}
