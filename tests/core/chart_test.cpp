#include "core/chart.h"

#include <cmath>
#include <limits>

#include "core/chart_axis.h"
#include "support/test.h"

using namespace arzoo;
using test::count_of;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// The path data of the curve called `name`.
std::string path_of(const std::string& svg, const std::string& name) {
  const auto end = svg.find("\"><title>" + name + "</title>");
  REQUIRE(end != std::string::npos);
  const auto begin = svg.rfind(" d=\"", end) + 4;
  return svg.substr(begin, end - begin);
}

LineChart one_curve(std::vector<double> y) {
  std::vector<double> x(y.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
  return {"", {}, {}, {{"curve", std::move(x), std::move(y)}}};
}

std::vector<std::string> labels_of(const std::vector<Tick>& ticks) {
  std::vector<std::string> labels;
  for (const Tick& tick : ticks) {
    if (!tick.label.empty()) labels.push_back(tick.label);
  }
  return labels;
}

std::string two_digits(int value) { return (value < 10 ? "0" : "") + std::to_string(value); }

/// `hours` hourly stamps from midnight of 30 June 2016 on.
std::vector<std::string> hourly(int hours) {
  std::vector<std::string> stamps;
  for (int i = 0; i < hours; ++i) {
    const int day = i / 24;
    const std::string date = day == 0 ? "2016-06-30" : "2016-07-" + two_digits(day);
    stamps.push_back(date + " " + two_digits(i % 24) + ":00:00");
  }
  return stamps;
}

Range whole_of(const std::vector<std::string>& stamps) {
  return {0.0, static_cast<double>(stamps.size() - 1)};
}

}  // namespace

TEST_CASE("ticks are round numbers that share unit and decimals", "[chart_test]") {
  Range range{};
  Scale scale;
  std::vector<std::string> expected;
  std::tie(range, scale, expected) = GENERATE(table<Range, Scale, std::vector<std::string>>({
      {{0.0, 1.0}, Scale::linear, {"0", "0.2", "0.4", "0.6", "0.8", "1.0"}},
      {{-3.1, 12.2}, Scale::linear, {"-2", "0", "2", "4", "6", "8", "10", "12"}},
      {{0.0, 21000.0}, Scale::linear, {"0", "5k", "10k", "15k", "20k"}},
      {{0.0, 12000.0}, Scale::linear, {"0", "2k", "4k", "6k", "8k", "10k", "12k"}},
      {{0.0, 3e-5}, Scale::linear, {"0", "5e-06", "1e-05", "1.5e-05", "2e-05", "2.5e-05", "3e-05"}},
      {{0.9e5, 2e9}, Scale::log, {"100k", "1M", "10M", "100M", "1G"}},
      {{0.15, 3.0}, Scale::log, {"0.2", "0.5", "1", "2"}},
      {{0.35, 0.62}, Scale::log, {"0.35", "0.40", "0.45", "0.50", "0.55", "0.60"}},
      {{0.9e-6, 1.1e-2}, Scale::log, {"1e-06", "1e-05", "1e-04", "0.001", "0.01"}},
  }));
  CHECK(labels_of(number_ticks(range, scale, 6)) == expected);
}

TEST_CASE("any range has ticks within it, and few of them", "[chart_test]") {
  const Range range = GENERATE(Range{-1e300, 1e300}, Range{0.0, 1e-299}, Range{1e15, 1e15 + 1.0},
                               Range{-5.0, -4.999999}, Range{1e-216, 1e216}, Range{3.0, 3.0 + 1e-9});
  const Scale scale = range.low > 0.0 ? GENERATE(Scale::linear, Scale::log) : Scale::linear;
  const auto ticks = number_ticks(range, scale, 6);
  CHECK(ticks.size() <= 60);
  CHECK(labels_of(ticks).size() <= 13);
  for (const Tick& tick : ticks) {
    const double slack = 1e-6 * (range.high - range.low);
    CHECK(tick.value >= range.low - slack);
    CHECK(tick.value <= range.high + slack);
    CHECK(tick.label.size() < 24);
  }
}

TEST_CASE("a whole axis has no fractions", "[chart_test]") {
  CHECK(labels_of(fitting_number_ticks({0.9, 3.1}, Scale::linear, 800.0, true)) ==
        std::vector<std::string>{"1", "2", "3"});
}

TEST_CASE("a range covers what can be drawn and is never empty", "[chart_test]") {
  const auto range = [](const std::vector<double>& values, Scale scale) {
    const std::vector<const std::vector<double>*> lists{&values};
    return range_of(lists, scale);
  };
  CHECK(range({kNaN, 1.0, kInf, 3.0, -kInf, 1e305}, Scale::linear).low == Approx(0.92));
  CHECK(range({kNaN, 1.0, kInf, 3.0}, Scale::linear).high == Approx(3.08));
  CHECK(range({-1.0, 0.0, 1.0, 100.0}, Scale::log).low == Approx(std::pow(100.0, -0.04)));
  for (const Scale scale : {Scale::linear, Scale::log}) {
    for (const auto& values :
         std::vector<std::vector<double>>{{}, {kNaN}, {0.0}, {5.0, 5.0}, {5e-324}, {-2.0}, {1e300}}) {
      const Range found = range(values, scale);
      CHECK(found.low < found.high);
      CHECK(std::isfinite(found.high - found.low));
    }
  }
}

TEST_CASE("hourly stamps of a week are labelled at the start of each day", "[chart_test]") {
  const auto stamps = hourly(24 * 5);
  const auto ticks = fitting_stamp_ticks(stamps, whole_of(stamps), 780.0);
  CHECK(labels_of(ticks) ==
        std::vector<std::string>{"2016-06-30", "2016-07-01", "2016-07-02", "2016-07-03", "2016-07-04"});
  CHECK(ticks[1].value == 24.0);
}

TEST_CASE("stamps of one day are labelled by the hour, with the date where it changes", "[chart_test]") {
  const auto stamps = hourly(36);
  CHECK(labels_of(fitting_stamp_ticks(stamps, whole_of(stamps), 560.0)) ==
        std::vector<std::string>{"00:00\n2016-06-30", "04:00", "08:00", "12:00", "16:00", "20:00",
                                 "00:00\n2016-07-01", "04:00", "08:00"});
}

TEST_CASE("monthly stamps of many years are labelled by the year", "[chart_test]") {
  std::vector<std::string> stamps;
  for (int i = 0; i < 60; ++i)
    stamps.push_back(std::to_string(2001 + i / 12) + "-" + two_digits(1 + i % 12) + "-01");
  CHECK(labels_of(fitting_stamp_ticks(stamps, whole_of(stamps), 780.0)) ==
        std::vector<std::string>{"2001", "2002", "2003", "2004", "2005"});
}

TEST_CASE("the labels of stamps never touch, however narrow the axis", "[chart_test]") {
  const double width = GENERATE(40.0, 120.0, 300.0, 780.0);
  const int hours = GENERATE(1, 2, 30, 100, 700);
  const auto stamps = hourly(hours);
  const Range range{0.0, std::max(1.0, static_cast<double>(hours - 1))};
  const auto ticks = fitting_stamp_ticks(stamps, range, width);
  REQUIRE_FALSE(ticks.empty());
  double taken = -1e9;
  for (const Tick& tick : ticks) {
    const std::string label = tick.label.substr(0, tick.label.find('\n'));
    const double center = position(tick.value, range, Scale::linear) * width,
                 half = text_width(label, kTickFont) / 2.0;
    CHECK(center - half > taken);
    taken = center + half;
  }
}

TEST_CASE("stamps that are no dates are labelled as they are", "[chart_test]") {
  const std::vector<std::string> stamps{"Tuesday", "T", "", "b\nc", "2016"};
  const auto ticks = fitting_stamp_ticks(stamps, whole_of(stamps), 780.0);
  CHECK(labels_of(ticks) == std::vector<std::string>{"Tuesday", "T", "b c", "2016"});
}

TEST_CASE("a gap breaks the line and a lone point is a dot", "[chart_test]") {
  const auto path = path_of(to_svg(one_curve({1.0, 2.0, kNaN, 3.0, kInf, 2.0, 1.0})), "curve");
  CHECK(count_of(path, "M") == 3);
  CHECK(count_of(path, "L") == 2);
  CHECK(count_of(path, "h0") == 1);
}

TEST_CASE("on a log axis a value that is not positive is a gap", "[chart_test]") {
  auto chart = one_curve({1.0, 2.0, 0.0, 3.0, 4.0, -1.0});
  chart.y.scale = Scale::log;
  CHECK(count_of(path_of(to_svg(chart), "curve"), "M") == 2);
}

TEST_CASE("a long line is thinned and keeps its extremes", "[chart_test]") {
  std::vector<double> y(1000000);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = std::sin(static_cast<double>(i) * 0.37);
  const auto smooth = path_of(to_svg(one_curve(y)), "curve");
  CHECK(count_of(smooth, "L") < 2000);
  CHECK(count_of(smooth, "L") > 1000);
  y[123456] = 50.0;
  y[654321] = -50.0;
  const auto spiked = path_of(to_svg(one_curve(y)), "curve");
  // The spikes are the ends of the range, which leaves 4 % of it free at both ends.
  CHECK(count_of(spiked, " " + std::string("33.1")) == 1);
  CHECK(count_of(spiked, " " + std::string("310.9")) == 1);
}

TEST_CASE("a smooth series is drawn faintly with its mean on it", "[chart_test]") {
  auto chart = one_curve({1.0, 3.0, 1.0, 3.0, 1.0, 3.0});
  chart.series[0].smooth = true;
  const auto svg = to_svg(chart);
  CHECK(count_of(svg, "class=\"c0 faint\"") == 1);
  CHECK(count_of(svg, "class=\"c0 line\"") == 1);
}

TEST_CASE("names and titles are escaped, and control characters taken out", "[chart_test]") {
  auto chart = one_curve({1.0, 2.0});
  chart.title = "<script>alert('x')</script>";
  chart.y.title = "a & b\x1b";
  chart.series.push_back({"\"></svg>", {0.0}, {1.0}});
  const auto svg = to_svg(chart);
  CHECK(count_of(svg, "<script") == 0);
  CHECK(count_of(svg, "</svg>") == 1);
  CHECK_THAT(svg, ContainsSubstring("a &amp; b "));
  CHECK_THAT(svg, ContainsSubstring("&quot;&gt;&lt;/svg&gt;"));
}

TEST_CASE("a chart without a value says so", "[chart_test]") {
  CHECK_THAT(to_svg(LineChart{}), ContainsSubstring("no values to show"));
  CHECK_THAT(to_svg(one_curve({kNaN, kNaN})), ContainsSubstring("no values to show"));
  CHECK_THAT(to_svg(FanChart{}), ContainsSubstring("no values to show"));
}

TEST_CASE("no coordinate is ever nan or infinite", "[chart_test]") {
  const auto values =
      GENERATE(std::vector<double>{1e308, -1e308}, std::vector<double>{5e-324, 0.0},
               std::vector<double>{kNaN, kInf, -kInf}, std::vector<double>{-1e300, 1e300, 7.0},
               std::vector<double>{1e-200, 1e-300, 1e200});
  auto chart = one_curve(values);
  chart.y.scale = GENERATE(Scale::linear, Scale::log);
  const auto svg = to_svg(chart);
  CHECK(count_of(svg, "nan") == 0);
  CHECK(count_of(svg, "inf") == 0);
}

TEST_CASE("forecast, truth and intervals start at the last known value", "[chart_test]") {
  FanChart chart;
  chart.stamps = hourly(5);
  chart.history = {1.0, 2.0, 3.0};
  chart.forecast = {4.0, 5.0};
  chart.truth = {3.5, 6.0};
  chart.intervals = {{80, {3.0, 3.0}, {5.0, 7.0}}, {95, {2.0, 1.0}, {6.0, 9.0}}};
  const auto svg = to_svg(chart);
  const auto history = path_of(svg, "history"), forecast = path_of(svg, "forecast");
  const auto joint = history.substr(history.rfind('L') + 1);
  CHECK(forecast.substr(1, joint.size()) == joint);
  CHECK(path_of(svg, "truth").substr(1, joint.size()) == joint);
  CHECK(path_of(svg, "80% interval").substr(1, joint.size()) == joint);
  // The widest band lies below the others.
  CHECK(svg.find("<title>95% interval") < svg.find("<title>80% interval"));
}

TEST_CASE("a band is broken where a bound is missing", "[chart_test]") {
  FanChart chart;
  chart.stamps = hourly(5);
  chart.forecast = {1.0, 2.0, 3.0, 4.0, 5.0};
  chart.intervals = {{80, {0.0, 1.0, kNaN, 3.0, 4.0}, {2.0, 3.0, 4.0, 5.0, 6.0}}};
  CHECK(count_of(path_of(to_svg(chart), "80% interval"), "Z") == 2);
}

TEST_CASE("lists of unequal length are a programming error", "[chart_test]") {
  CHECK_THROWS_AS(to_svg(LineChart{"", {}, {}, {{"a", {1.0}, {}}}}), std::logic_error);
  FanChart chart;
  chart.stamps = hourly(2);
  chart.history = {1.0};
  CHECK_THROWS_AS(to_svg(chart), std::logic_error);
  chart.forecast = {1.0};
  chart.intervals = {{80, {1.0}, {}}};
  CHECK_THROWS_AS(to_svg(chart), std::logic_error);
}

TEST_CASE("a bar begins at zero and has whiskers where its ends are known", "[chart_test]") {
  const auto svg =
      to_svg(BarChart{"Skill", "skill", {{"good", 0.5, 0.25, 0.75}, {"<bad>", -0.25}, {"none", kNaN}}});
  CHECK(count_of(svg, "<rect class=\"band") == 2);
  CHECK(count_of(svg, "class=\"ink thin\"") == 1);
  CHECK(svg.find("<title>good 0.5000 (0.2500 to 0.7500)</title>") != std::string::npos);
  CHECK(svg.find("<bad>") == std::string::npos);
  CHECK(svg.find("&lt;bad&gt; -0.2500") != std::string::npos);
  CHECK(to_svg(BarChart{"", "", {}}).find("no values to show") != std::string::npos);
}

TEST_CASE("a fan has the forecasts of other models beside its own", "[chart_test]") {
  FanChart chart{.title = "", .y_title = "", .stamps = {"1", "2", "3"}, .history = {1}, .forecast = {2, 3}};
  chart.others = {{"naive", {1, 1}}};
  CHECK(path_of(to_svg(chart), "naive") != path_of(to_svg(chart), "forecast"));
  chart.others = {{"naive", {1}}};
  CHECK_THROWS_AS(to_svg(chart), std::logic_error);
}

TEST_CASE("a cloud of points has no curve", "[chart_test]") {
  LineChart chart = one_curve({1, 2, 3});
  chart.series.front().points = true;
  const auto svg = to_svg(chart);
  CHECK(count_of(svg, "<circle") == 3);
  CHECK(svg.find("<title>curve</title>") == std::string::npos);
}
