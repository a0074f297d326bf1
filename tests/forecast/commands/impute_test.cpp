#include "forecast/commands/impute.h"

#include <cmath>

#include "support/forecast_runs.h"
#include "support/tasks.h"

using namespace arzoo;
using test::forecast_task;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

/// A Ti-MAE that has learnt a daily rhythm of two variates.
const fs::path& imputer_run() {
  static const TempDir temp;
  static const fs::path run = [] {
    const auto config =
        test::tiny_config(temp.write("train.csv", test::wide_csv(test::hourly_table(900, {"a", "b"}))),
                          {{"model",
                            {{"name", "timae"},
                             {"d_model", 32},
                             {"n_heads", 2},
                             {"e_layers", 1},
                             {"d_ff", 64},
                             {"decoder_d_model", 32},
                             {"decoder_n_heads", 2},
                             {"d_layers", 1},
                             {"decoder_d_ff", 64},
                             {"dropout", 0.0},
                             {"mask_ratio", 0.5}}},
                           {"data", {{"seq_len", 48}, {"label_len", 24}, {"pred_len", 24}, {"marks", false}}},
                           {"training",
                            {{"epochs", 40},
                             {"batch_size", 64},
                             {"learning_rate", 0.003},
                             {"lradj", "constant"},
                             {"patience", 40}}}});
    test::train(config, temp / "run");
    return temp / "run";
  }();
  return run;
}

plan::ForecastTask impute_task(const fs::path& input, const fs::path& output) {
  auto task = forecast_task(imputer_run(), {input}, output);
  task.impute = true;
  return task;
}

/// The wide text of hours 900 to 1100 with some cells emptied and three rows taken out.
std::string with_gaps() {
  std::string text = "date,a,b\n";
  const auto table = test::hourly_table(200, {"a", "b"}, 900);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (row >= 100 && row < 103) continue;
    text += table.date_format.format(table.stamps[row]) + ',';
    if (row < 40 || row >= 52) text += fmt::format("{}", table.at(row, 0));
    text += ',';
    if (row != 45 && row != 199) text += fmt::format("{}", table.at(row, 1));
    text += '\n';
  }
  return text;
}

}  // namespace

TEST_CASE("imputing completes the file in its own layout and leaves what was measured as it was") {
  const TempDir temp;
  const auto result = test::forecast(impute_task(temp.write("in.csv", with_gaps()), temp / "out.csv"));
  CHECK(result.at("imputed") == 12 + 2 + 6);
  const auto truth = test::hourly_table(200, {"a", "b"}, 900);
  const auto table = io::read_series(temp / "out.csv").tables.at(0);
  CHECK(table.variates == truth.variates);
  const bool same_stamps = table.stamps == truth.stamps;
  CHECK(same_stamps);
  for (std::size_t row = 0; row < 200; ++row) {
    for (std::size_t c = 0; c < 2; ++c) {
      const bool missing =
          (row >= 100 && row < 103) || (c == 0 ? row >= 40 && row < 52 : row == 45 || row == 199);
      if (!missing) CHECK(table.at(row, c) == truth.at(row, c));
      if (missing) CHECK(std::abs(table.at(row, c) - truth.at(row, c)) < 8.0);
    }
  }
}

TEST_CASE("a rhythm is imputed better than by the line between its neighbours") {
  const TempDir temp;
  const auto input = temp.write("in.csv", test::wide_csv(test::hourly_table(400, {"a", "b"}, 900)));
  auto task = impute_task(input, temp / "out.csv");
  task.backtest = 10;
  task.horizon = 14;
  const auto scores = test::forecast(task).at("backtest");
  CHECK(scores.at("scored") == 2 * 10 * 14);
  CHECK(scores.at("mae").get<double>() < 0.6 * scores.at("linear_mae").get<double>());
  CHECK(scores.at("series").size() == 2);
  const test::CsvRows rows(temp / "out.csv");
  CHECK(rows.table.rows() == 280);
  CHECK(rows.table.column_names() ==
        std::vector<std::string>{"unique_id", "ds", "model", "y", "yhat", "linear"});
}

TEST_CASE("the series of a long file, one shorter than a window, are imputed each by itself") {
  const TempDir temp;
  auto one = test::hourly_table(30, {"y"}), two = test::hourly_table(300, {"y"}, 900);
  one.unique_id = "one";
  two.unique_id = "two";
  auto text = test::long_csv({one, two});
  // Empties the tenth row of the first series.
  const auto line = text.find(one.date_format.format(one.stamps[9]));
  const auto comma = text.find(',', line), end = text.find('\n', line);
  text.erase(comma + 1, end - comma - 1);
  const auto train = temp.write("train.csv", test::long_csv({two}));
  test::train(
      test::tiny_config(train,
                        {{"model", {{"name", "timae"}, {"d_ff", nullptr}}},
                         {"data", {{"seq_len", 24}, {"label_len", 12}, {"pred_len", 12}, {"marks", false}}}}),
      temp / "run");
  auto task = forecast_task(temp / "run", {temp.write("in.csv", text)}, temp / "out.csv");
  task.impute = true;
  CHECK(test::forecast(task).at("imputed") == 1);
  const auto tables = io::read_series(temp / "out.csv").tables;
  REQUIRE(tables.size() == 2);
  CHECK(tables[0].rows() == 30);
  CHECK(tables[1].values == two.values);
}

TEST_CASE("only a model that reconstructs imputes, and of one file") {
  const TempDir temp;
  const auto input = temp.write("in.csv", test::wide_csv(test::hourly_table(100, {"a", "b"})));
  test::train(test::tiny_config(input), temp / "run");
  auto task = forecast_task(temp / "run", {input}, temp / "out.csv");
  task.impute = true;
  CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("does not reconstruct"));
  auto two = impute_task(input, temp / "out.csv");
  two.inputs.push_back(input);
  CHECK_THROWS_WITH(test::forecast(two), ContainsSubstring("expected one"));
}
