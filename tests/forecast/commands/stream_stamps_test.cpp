#include "forecast/commands/forecast_stream.h"
#include "support/tasks.h"

using namespace arzoo;
using test::hourly_table;
using test::TempDir;

namespace {

/// Answers of a model of the variate "a" that was trained on hourly rows.
struct HourlyStream {
  TempDir temp;
  plan::ForecastTask task;
  std::unique_ptr<forecast::ForecastModel> model;
  std::unique_ptr<forecast::ForecastStream> stream;

  explicit HourlyStream(const std::string& freq = "") {
    test::train(test::tiny_config(temp.write("train.csv", test::wide_csv(hourly_table(300, {"a"})))),
                temp / "run");
    task.freq = freq;
    model = std::make_unique<forecast::ForecastModel>(
        forecast::ForecastModel::open(temp / "run", std::nullopt, runtime::select_compute("cpu", "fp32")));
    stream = std::make_unique<forecast::ForecastStream>(task, *model, 2);
  }

  Json answer(const Json& ds) {
    Json line{{"ds", ds}, {"values", Json::array()}};
    for (int64_t row = 0; row < model->least_context(); ++row) line["values"].push_back(test::wave(row, 0));
    return stream->answer(line.dump());
  }
};

}  // namespace

TEST_CASE("a stream writes stamps as the request does, zone included") {
  HourlyStream stream;
  const auto [last, first, second] = GENERATE(table<std::string, std::string, std::string>({
      {"2016-07-01 22:00:00", "2016-07-01 23:00:00", "2016-07-02 00:00:00"},
      {"2016-07-01T22:00:00+02:00", "2016-07-01T23:00:00+02:00", "2016-07-02T00:00:00+02:00"},
      {"2016-07-01 22:00 UTC", "2016-07-01 23:00 UTC", "2016-07-02 00:00 UTC"},
      {"2016070122", "2016070123", "2016070200"},
      {"7/13/2016 10:00 PM", "7/13/2016 11:00 PM", "7/14/2016 12:00 AM"},
      {"1467410400", "1467414000", "1467417600"},
  }));
  CHECK(stream.answer(last)["ds"] == Json({first, second}));
}

TEST_CASE("each request of a stream has its own zone") {
  HourlyStream stream;
  CHECK(stream.answer("2016-07-01T22:00+02:00")["ds"][0] == "2016-07-01T23:00+02:00");
  CHECK(stream.answer("2016-07-01T22:00-05:00")["ds"][0] == "2016-07-01T23:00-05:00");
  CHECK(stream.answer("2016-07-01T22:00Z")["ds"][0] == "2016-07-01T23:00Z");
}

TEST_CASE("a stamp that cannot be continued is refused, and the stream goes on") {
  HourlyStream stream;
  const auto [last, message] = GENERATE(table<std::string, std::string>({
      {"2016-07-01", "dates written YYYY-MM-DD cannot show a step of 1h (write the time of day as well)"},
      {"03/04/2016 10:00", "may be MM/DD/YYYY hh:mm or DD/MM/YYYY hh:mm (write YYYY-MM-DD)"},
      {"yesterday", "\"yesterday\" is not a date, expected YYYY-MM-DD"},
      {"2016-07-01 22:00:00.5", "holds a fraction of a second, expected whole seconds"},
  }));
  CHECK_THAT(stream.answer(last)["error"].get<std::string>(),
             ContainsSubstring("/ds") && ContainsSubstring(message));
  CHECK(stream.answer("2016-07-01 22:00")["ds"][0] == "2016-07-01 23:00");
}

TEST_CASE("a given spacing decides what a stamp must show") {
  HourlyStream stream("24h");
  CHECK(stream.answer("2016-07-01")["ds"] == Json({"2016-07-02", "2016-07-03"}));
}
