#include "core/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "core/display_text.h"
#include "core/svg_plot.h"

namespace arzoo {

namespace {

constexpr std::size_t kColors = 8;
constexpr int kHorizontalLines = 6;

void expect_length(std::size_t actual, std::size_t expected, const char* what) {
  if (actual != expected)
    throw std::logic_error(fmt::format("chart: {} {}, expected {}", actual, what, expected));
}

std::string color_of(std::size_t index) { return fmt::format("c{}", index % kColors); }

/// Beyond the palette the colours come again, as dashes.
Look look_of(const Series& series, std::size_t index) {
  return series.dashed || index >= kColors ? Look::dashed : Look::line;
}

/// The mean of the values within a hundredth of the curve's points to either side; gaps stay gaps.
std::vector<double> running_mean(const std::vector<double>& y, Scale scale) {
  const std::size_t reach = std::max<std::size_t>(1, y.size() / 100);
  std::vector<double> sums{0.0};
  std::vector<double> counts{0.0};
  for (const double value : y) {
    // On a log axis the mean is the geometric one, which lies where the eye sees the middle.
    const bool seen = is_drawable(value, scale);
    sums.push_back(sums.back() + (!seen ? 0.0 : scale == Scale::log ? std::log(value) : value));
    counts.push_back(counts.back() + (seen ? 1.0 : 0.0));
  }
  std::vector<double> means(y);
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (!is_drawable(y[i], scale)) continue;
    const std::size_t begin = i - std::min(i, reach), end = std::min(y.size(), i + reach + 1);
    const double mean = (sums[end] - sums[begin]) / (counts[end] - counts[begin]);
    means[i] = scale == Scale::log ? std::exp(mean) : mean;
  }
  return means;
}

bool is_whole(const std::vector<const std::vector<double>*>& lists) {
  return std::all_of(lists.begin(), lists.end(), [](const auto* list) {
    return std::all_of(list->begin(), list->end(),
                       [](double x) { return !std::isfinite(x) || x == std::trunc(x); });
  });
}

bool has_points(const std::vector<const std::vector<double>*>& lists, Scale scale) {
  return std::any_of(lists.begin(), lists.end(), [&](const auto* list) {
    return std::any_of(list->begin(), list->end(), [&](double v) { return is_drawable(v, scale); });
  });
}

/// `list` with `first` put before it: forecast and truth start at the last known value, without a hole.
std::vector<double> joined(double first, const std::vector<double>& list) {
  std::vector<double> values{first};
  values.insert(values.end(), list.begin(), list.end());
  return values;
}

std::vector<double> indices(std::size_t from, std::size_t count) {
  std::vector<double> x(count);
  std::iota(x.begin(), x.end(), static_cast<double>(from));
  return x;
}

std::string name_of(const Interval& interval) { return short_number(interval.level) + "% interval"; }

void check(const FanChart& chart) {
  expect_length(chart.stamps.size(), chart.history.size() + chart.forecast.size(), "time stamps");
  if (!chart.truth.empty()) expect_length(chart.truth.size(), chart.forecast.size(), "true values");
  for (const Interval& interval : chart.intervals) {
    expect_length(interval.lower.size(), chart.forecast.size(), "lower bounds");
    expect_length(interval.upper.size(), chart.forecast.size(), "upper bounds");
  }
  for (const auto& [name, values] : chart.others)
    expect_length(values.size(), chart.forecast.size(), "values of another forecast");
}

/// The wider an interval the fainter: nested bands add up to the darkest in the middle.
double opacity_of(std::size_t index) { return index == 0 ? 0.16 : 0.2; }

std::vector<LegendEntry> legend_of(const FanChart& chart, const std::vector<Interval>& widest_first) {
  std::vector<LegendEntry> legend{{"history", Look::line, "ink"}};
  if (!chart.truth.empty()) legend.push_back({"truth", Look::line, "c1"});
  legend.push_back({"forecast", Look::line, "c0"});
  for (std::size_t i = 0; i < chart.others.size(); ++i)
    legend.push_back({chart.others[i].first, Look::dashed, color_of(i + 2)});
  for (std::size_t i = widest_first.size(); i-- > 0;) {
    const double opacity = 1.0 - 0.84 * std::pow(0.8, static_cast<double>(i));
    legend.push_back({name_of(widest_first[i]), Look::band, "c0", opacity});
  }
  return legend;
}

}  // namespace

std::string to_svg(const LineChart& chart) {
  std::vector<const std::vector<double>*> xs, ys;
  std::vector<LegendEntry> legend;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const Series& series = chart.series[i];
    expect_length(series.y.size(), series.x.size(), "values of y");
    xs.push_back(&series.x);
    ys.push_back(&series.y);
    if (!series.name.empty()) legend.push_back({series.name, look_of(series, i), color_of(i)});
  }
  // A lone curve is named by title and axis.
  if (chart.series.size() == 1) legend.clear();
  const Range x_range = range_of(xs, chart.x.scale), y_range = range_of(ys, chart.y.scale);
  PlotFrame frame;
  frame.title = chart.title;
  frame.x = {chart.x.title, x_range, chart.x.scale};
  frame.y = {chart.y.title, y_range, chart.y.scale};
  frame.y_ticks = number_ticks(y_range, chart.y.scale, kHorizontalLines);
  const bool whole = is_whole(xs);
  frame.x_ticks = [&](double width) { return fitting_number_ticks(x_range, chart.x.scale, width, whole); };
  frame.legend = std::move(legend);

  SvgPlot plot(frame);
  if (!has_points(xs, chart.x.scale) || !has_points(ys, chart.y.scale)) plot.message("no values to show");
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const Series& series = chart.series[i];
    if (series.smooth) plot.line(series.x, series.y, Look::faint, color_of(i), series.name);
    if (!series.points)
      plot.line(series.x, series.smooth ? running_mean(series.y, chart.y.scale) : series.y,
                look_of(series, i), color_of(i), series.name);
    if (series.markers || series.points) plot.markers(series.x, series.y, color_of(i));
  }
  return std::move(plot).finish();
}

std::string to_svg(const FanChart& chart) {
  check(chart);
  std::vector<Interval> bands = chart.intervals;
  std::sort(bands.begin(), bands.end(),
            [](const Interval& a, const Interval& b) { return a.level > b.level; });
  std::vector<const std::vector<double>*> ys{&chart.history, &chart.forecast, &chart.truth};
  for (const Interval& band : bands) ys.insert(ys.end(), {&band.lower, &band.upper});
  for (const auto& [name, values] : chart.others) ys.push_back(&values);

  const auto last_stamp = static_cast<double>(std::max<std::size_t>(chart.stamps.size(), 2) - 1);
  PlotFrame frame;
  frame.title = chart.title;
  frame.x = {"", {0.0, last_stamp}, Scale::linear};
  frame.y = {chart.y_title, range_of(ys, Scale::linear), Scale::linear};
  frame.y_ticks = number_ticks(frame.y.range, Scale::linear, kHorizontalLines);
  frame.x_ticks = [&](double width) { return fitting_stamp_ticks(chart.stamps, frame.x.range, width); };
  frame.legend = legend_of(chart, bands);

  SvgPlot plot(frame);
  if (!has_points(ys, Scale::linear)) plot.message("no values to show");
  const std::size_t past = chart.history.size();
  const bool join = past > 0;
  const double known = join ? chart.history.back() : std::numeric_limits<double>::quiet_NaN();
  const auto from_known = [&](const std::vector<double>& list) { return join ? joined(known, list) : list; };
  const auto future = indices(join ? past - 1 : 0, chart.forecast.size() + (join ? 1 : 0));
  for (std::size_t i = 0; i < bands.size(); ++i) {
    plot.band(future, from_known(bands[i].lower), from_known(bands[i].upper), "c0", opacity_of(i),
              name_of(bands[i]));
  }
  if (join && !chart.forecast.empty()) plot.vertical(static_cast<double>(past - 1));
  plot.line(indices(0, past), chart.history, Look::thin, "ink", "history");
  if (!chart.truth.empty()) plot.line(future, from_known(chart.truth), Look::thin, "c1", "truth");
  for (std::size_t i = 0; i < chart.others.size(); ++i)
    plot.line(future, from_known(chart.others[i].second), Look::dashed, color_of(i + 2),
              chart.others[i].first);
  plot.line(future, from_known(chart.forecast), Look::line, "c0", "forecast");
  return std::move(plot).finish();
}

}  // namespace arzoo
