#pragma once

#include <limits>
#include <string>
#include <utility>
#include <vector>

/// Charts as SVG text: no script, no outside file, readable in light and dark (prefers-color-scheme), colours
/// that colour-blind readers can tell apart. Values that are not finite are gaps; lines of many points are
/// thinned to what can be seen (least and greatest of each pixel column). Broken invariants of the structs
/// throw std::logic_error.
namespace arzoo {

enum class Scale { linear, log };

struct Axis {
  std::string title;
  Scale scale = Scale::linear;  ///< on a log axis values <= 0 are gaps
};

/// One curve; x and y have the same length, x ascends.
struct Series {
  std::string name;
  std::vector<double> x, y;
  bool markers = false;  ///< a dot at each point, for curves of few points
  bool dashed = false;   ///< a fit or a reference, not a measurement
  bool points = false;   ///< dots alone: a cloud, not a curve
  bool smooth = false;   ///< noisy: the curve is drawn faintly and its running mean on it
};

/// Curves over a number: losses over steps; with two log axes, a scaling law.
struct LineChart {
  std::string title;
  Axis x, y;
  std::vector<Series> series;
};

/// Where the truth lies with a chance of `level` percent; as long as the forecast.
struct Interval {
  double level;
  std::vector<double> lower, upper;
};

/// A forecast behind the history that it starts from.
struct FanChart {
  std::string title;
  std::string y_title;
  std::vector<std::string> stamps;  ///< time stamps of history and forecast, ISO dates get the best axis
  std::vector<double> history;
  std::vector<double> forecast;
  std::vector<Interval> intervals = {};
  std::vector<double> truth = {};  ///< as long as the forecast, or empty
  /// Forecasts of other models, by their names, each as long as the forecast.
  std::vector<std::pair<std::string, std::vector<double>>> others = {};
};

/// A value and how sure it is; ends that are not finite are not drawn.
struct Bar {
  std::string name;
  double value = 0.0;
  double low = std::numeric_limits<double>::quiet_NaN(), high = std::numeric_limits<double>::quiet_NaN();
};

/// Horizontal bars from 0 on, the first one on top, with whiskers: scores of models.
struct BarChart {
  std::string title;
  std::string x_title;
  std::vector<Bar> bars;
};

std::string to_svg(const LineChart& chart);
std::string to_svg(const FanChart& chart);
std::string to_svg(const BarChart& chart);

}  // namespace arzoo
