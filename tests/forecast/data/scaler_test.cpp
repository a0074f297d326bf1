#include "forecast/data/scaler.h"

#include <cmath>

#include "support/series.h"

using namespace arzoo;
using forecast::StandardScaler;

TEST_CASE("the scaler takes mean and population standard deviation of the training rows alone") {
  // Rows 1 to 4 of two variates; the rows around them are far off.
  const std::vector<double> values{1e6, -1e6, 2, 10, 4, 10, 4, 30, 6, 30, 1e6, -1e6};
  const auto scaler = StandardScaler::fit(values, 2, 1, 5);
  CHECK(scaler.mean == std::vector<double>{4.0, 20.0});
  CHECK(scaler.scale[0] == Approx(std::sqrt(2.0)).epsilon(1e-15));  // (4 + 0 + 0 + 4) / 4, not / 3
  CHECK(scaler.scale[1] == 10.0);
}

TEST_CASE("scaled training rows have mean 0 and standard deviation 1, and scaling can be inverted") {
  const auto offset = GENERATE(0.0, 1e3, -1e6);
  torch::manual_seed(1);
  const auto tensor = at::randn({500}, at::kDouble) * 3 + offset;
  const std::vector<double> values(tensor.data_ptr<double>(), tensor.data_ptr<double>() + 500);
  const auto scaler = StandardScaler::fit(values, 1, 0, 500);
  double sum = 0.0, squares = 0.0;
  for (const double value : values) {
    const double scaled = scaler.transform(value, 0);
    sum += scaled;
    squares += scaled * scaled;
    REQUIRE(scaler.inverse(scaled, 0) == Approx(value).margin(1e-6 * (1 + std::abs(offset))));
  }
  CHECK(sum / 500 == Approx(0.0).margin(1e-6));
  CHECK(squares / 500 == Approx(1.0).epsilon(1e-6));
}

TEST_CASE("the unbiased standard deviation has one degree of freedom less, a single row has none") {
  CHECK(StandardScaler::fit({2, 4, 4, 6}, 1, 0, 4, 1).scale[0] == Approx(std::sqrt(8.0 / 3)).epsilon(1e-15));
  CHECK(StandardScaler::fit({5}, 1, 0, 1, 1).scale[0] == 1.0);
}

TEST_CASE("a constant variate keeps its scale") {
  const auto value = GENERATE(0.0, 7.0, 0.1, 1e9 + 0.1);
  const auto scaler = StandardScaler::fit(std::vector<double>(1000, value), 1, 0, 1000);
  CHECK(scaler.scale[0] == 1.0);
  CHECK(scaler.transform(value, 0) == Approx(0.0).margin(1e-6 * (1 + value)));
}

TEST_CASE("the identity leaves values as they are") {
  const auto scaler = StandardScaler::identity(2);
  CHECK(scaler.transform(3.5, 1) == 3.5f);
  CHECK(scaler.inverse(3.5, 0) == 3.5);
}

TEST_CASE("a stored scaler that cannot be is refused") {
  const auto text = GENERATE(R"({"mean": [1], "scale": [0]})", R"({"mean": [1], "scale": [-2]})",
                             R"({"mean": [1, 2], "scale": [1]})", R"({"mean": [1], "scale": ["1"]})");
  CHECK_THROWS_AS(Config::parse(text, "config.json").as<StandardScaler>(), ConfigError);
}

TEST_CASE("filled cells do not count in the scale, as NaN does not in scikit-learn") {
  auto table = test::hourly_table(5, {"a", "b"});
  table.values = {2, 1, 4, 1, 99, 5, 4, 5, 6, 1e6};
  table.filled = {false, false, false, false, true, false, false, false, false, true};
  const auto scaler = StandardScaler::fit(table, 0, 5);
  CHECK(scaler.mean == std::vector<double>{4.0, 3.0});
  CHECK(scaler.scale[0] == Approx(std::sqrt(2.0)).epsilon(1e-15));
  CHECK(scaler.scale[1] == 2.0);
  table.filled.clear();
  const auto whole = StandardScaler::fit(table, 0, 5), by_values = StandardScaler::fit(table.values, 2, 0, 5);
  CHECK(whole.mean == by_values.mean);
  CHECK(whole.scale == by_values.scale);
}
