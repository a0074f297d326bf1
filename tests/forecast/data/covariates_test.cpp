#include "forecast/data/covariates.h"

#include "forecast/data/series_data.h"
#include "io/csv.h"
#include "support/series.h"

using namespace arzoo;
using forecast::Channels;
using forecast::CovariateRoles;
using forecast::DataOptions;
using test::hourly_table;

namespace {

io::Categories weather() {
  return std::make_shared<const std::vector<io::CategoryColumn>>(
      std::vector<io::CategoryColumn>{{"weather", {"rain", "sun"}}});
}

/// Three rows: y, the code of weather, price.
io::SeriesTable shop_table() {
  auto table = hourly_table(3, {"y", "weather", "price"});
  table.values = {1, 0, 10, 2, 2, 20, 3, 1, 30};
  table.categories = weather();
  return table;
}

DataOptions options_with(const Json& data) {
  Json all{{"path", "shop.csv"}, {"seq_len", 6}, {"label_len", 3}, {"pred_len", 4}};
  all.update(data);
  return Config(all, "config.json").as<DataOptions>();
}

}  // namespace

TEST_CASE("a column of texts is a channel per value, 1 where the cell has it and nowhere if it is missing") {
  const Channels channels({"price", "weather"}, weather());
  CHECK(channels.names() == std::vector<std::string>{"price", "weather=rain", "weather=sun"});
  CHECK_FALSE(channels.is_category(0));
  CHECK(channels.is_category(2));
  CHECK(channels.expand({5, 0, 6, 1, 7, 2, 8, -1}) ==
        std::vector<double>{5, 1, 0, 6, 0, 1, 7, 0, 0, 8, 0, 0});
  const auto table = channels.of(shop_table());
  CHECK(table.variates == channels.names());
  CHECK(table.values == std::vector<double>{10, 1, 0, 20, 0, 0, 30, 0, 1});
  CHECK(table.filled.empty());
}

TEST_CASE("a filled cell of texts has the value of the row before, not one between two codes") {
  auto table = shop_table();
  table.values = {1, 0, 10, 2, 0.5, 15, 3, 1, 20};
  table.filled = {false, false, false, true, true, true, false, false, false};
  const auto chosen = Channels({"weather", "price"}, weather()).of(table);
  CHECK(chosen.values == std::vector<double>{1, 0, 10, 1, 0, 15, 0, 1, 20});
  CHECK(chosen.filled == std::vector<bool>{false, false, false, true, true, true, false, false, false});
}

TEST_CASE("static covariates have one value per series") {
  auto table = shop_table();
  CHECK_THROWS_WITH(
      Channels({"price"}, {}).constants(table),
      "waves.csv: series \"waves.csv\": the static covariate \"price\" changes at 2020-01-01 "
      "01:00:00, expected one value per series (list it in past_covariates or future_covariates)");
  for (std::size_t row = 0; row < 3; ++row) table.values[row * 3 + 1] = 1;
  CHECK(Channels({"weather"}, weather()).constants(table) == std::vector<double>{0, 1});
}

TEST_CASE("a column that the table lacks is named, with the nearest one") {
  CHECK_THROWS_WITH(Channels({"prise"}, {}).of(shop_table()),
                    "waves.csv: no column is called \"prise\" (did you mean \"price\"?)");
}

TEST_CASE("columns without another part are targets, unless targets are named") {
  CovariateRoles roles{.future = {"price"}};
  CHECK(forecast::resolved_roles(roles, {"y", "price", "z"}, "a.csv").targets ==
        std::vector<std::string>{"y", "z"});
  roles.targets = {"z"};
  CHECK(forecast::resolved_roles(roles, {"y", "price", "z"}, "a.csv").targets ==
        std::vector<std::string>{"z"});
  CHECK_THROWS_WITH(forecast::resolved_roles({.past = {"y"}}, {"y"}, "a.csv"),
                    "a.csv: no column is left to forecast, all are covariates (name one in data.targets)");
}

TEST_CASE("covariates of texts are categories, and so are those that are asked for") {
  const auto table = io::CsvTable::parse("date,y,weather,store\n2020,1,sun,2\n2021,2,rain,1\n", "a.csv");
  const CovariateRoles roles{.future = {"weather"}, .statics = {"store"}};
  CHECK(forecast::categories_json(forecast::find_categories(table, roles, {})) ==
        Json{{"weather", {"rain", "sun"}}});
  CHECK(forecast::categories_json(forecast::find_categories(table, roles, {"store"})) ==
        Json{{"weather", {"rain", "sun"}}, {"store", {"1", "2"}}});
}

TEST_CASE("categories come back from a config as they went, and only sorted") {
  const Json json{{"weather", {"rain", "sun"}}};
  CHECK(forecast::categories_json(forecast::read_categories(Config(json, "m"))) == json);
  CHECK_THROWS_WITH(forecast::read_categories(Config(Json{{"weather", {"sun", "rain"}}}, "m")),
                    ContainsSubstring("\"sun\" is out of order"));
  CHECK_THROWS_WITH(forecast::read_categories(Config(Json{{"weather", {"sun", "sun"}}}, "m")),
                    ContainsSubstring("out of order"));
}

TEST_CASE("contradictory parts of columns are refused by name") {
  const auto [data, message] = GENERATE(table<Json, std::string>({
      {{{"targets", {"y"}}, {"future_covariates", {"y"}}},
       "the column \"y\" has two parts among targets and covariates, expected one"},
      {{{"past_covariates", {"x", "x"}}}, "the column \"x\" has two parts"},
      {{{"past_covariates", {"x"}}, {"features", "MS"}},
       "features and target cannot be combined with targets"},
      {{{"past_covariates", {"x"}}, {"target", "y"}}, "features and target cannot be combined with targets"},
      {{{"past_covariates", {"x"}}, {"columns", {"x", "y"}}}, "columns cannot be combined with targets"},
      {{{"categories", {"x"}}}, "categories names \"x\", expected a covariate"},
      {{{"path", ""}, {"sources", {{{"path", "a.csv"}}}}, {"marks", false}, {"targets", {"y"}}},
       "targets and covariates name columns of one file"},
  }));
  INFO(data.dump());
  CHECK_THROWS_WITH(options_with(data), ContainsSubstring(message));
}

TEST_CASE(
    "windows have past covariates before the targets, known ones over history and future, static ones") {
  auto table = hourly_table(60, {"y", "past", "known", "size"});
  for (std::size_t row = 0; row < 60; ++row) table.values[row * 4 + 3] = 7;
  auto other = hourly_table(60, {"y", "past", "known", "size"}, 500);
  other.unique_id = "other";
  for (std::size_t row = 0; row < 60; ++row) other.values[row * 4 + 3] = 9;
  const auto options = options_with({{"targets", {"y"}},
                                     {"past_covariates", {"past"}},
                                     {"future_covariates", {"known"}},
                                     {"static_covariates", {"size"}}});
  const forecast::SeriesData data({table, other}, options);
  const auto shape = data.shape();
  CHECK(shape.enc_in == 2);
  CHECK(shape.c_out == 1);
  CHECK(shape.known_in == 1);
  CHECK(shape.static_in == 1);
  CHECK(data.variates() == std::vector<std::string>{"past", "y"});
  const int64_t last = data.windows(runtime::Split::train) - 1;
  const std::vector<int64_t> indices{2, last};
  const auto batch = data.batch(runtime::Split::train, indices);
  CHECK(batch.x_enc.sizes() == at::IntArrayRef({2, 6, 2}));
  CHECK(batch.target.sizes() == at::IntArrayRef({2, 4, 1}));
  REQUIRE(batch.known.sizes() == at::IntArrayRef({2, 10, 1}));
  CHECK(at::equal(batch.known[0], data.series()[0].known.narrow(0, 2, 10)));
  CHECK(at::equal(batch.known_enc()[0], data.series()[0].known.narrow(0, 2, 6)));
  CHECK(at::equal(batch.known_dec()[0], data.series()[0].known.narrow(0, 5, 7)));
  // Of two series, one is as far above the mean as the other below it.
  CHECK(batch.statics[0].item<float>() == Approx(-1));
  CHECK(batch.statics[1].item<float>() == Approx(1));
}

TEST_CASE("rows held out of a table are what is known ahead in a backtest") {
  const auto known = forecast::held_out(shop_table(), {"price", "weather"}, 1, 2);
  CHECK((known.stamps == std::vector<io::Timestamp>{test::hour_stamp(1), test::hour_stamp(2)}));
  CHECK(known.values == std::vector<double>{20, 2, 30, 1});
}
