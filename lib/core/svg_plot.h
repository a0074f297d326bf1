#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/chart_axis.h"

namespace arzoo {

/// How a curve, band or marker looks: a CSS class of the chart's style sheet.
enum class Look { line, dashed, thin, faint, band };

struct LegendEntry {
  std::string name;
  Look look;
  std::string color;  ///< "c0" … "c7", "ink"
  double opacity = 1.0;
};

struct PlotAxis {
  std::string title;
  Range range;
  Scale scale;
};

/// What surrounds the data. The ticks of x are asked for once the width that is left for them is known.
struct PlotFrame {
  std::string title;
  PlotAxis x, y;
  std::vector<Tick> y_ticks;
  std::function<std::vector<Tick>(double width)> x_ticks;
  std::vector<LegendEntry> legend;
  double height = 300.0;  ///< of the plot; the legend makes a picture taller, not its plot smaller
};

/// One SVG picture in the making: the frame is laid out around its texts, then the data is drawn in the
/// data's units.
class SvgPlot {
 public:
  explicit SvgPlot(const PlotFrame& frame);

  /// A polyline, broken where a value cannot be drawn; a point between two gaps is a dot.
  void line(const std::vector<double>& x, const std::vector<double>& y, Look look, std::string_view color,
            std::string_view name);
  void markers(const std::vector<double>& x, const std::vector<double>& y, std::string_view color);
  /// The area between two curves, broken where one of them cannot be drawn.
  void band(const std::vector<double>& x, const std::vector<double>& lower, const std::vector<double>& upper,
            std::string_view color, double opacity, std::string_view name);
  /// A horizontal bar of `thickness` in the units of y, its middle at y.
  void bar(double y, double from, double to, double thickness, std::string_view color, std::string_view name);
  /// A horizontal line with an end mark at either side.
  void whisker(double y, double low, double high);
  /// A dashed line from top to bottom.
  void vertical(double x);
  /// A text in the middle of an empty plot.
  void message(std::string_view text);

  std::string finish() &&;

 private:
  double px(double x) const;
  double py(double y) const;
  bool is_point(double x, double y) const;
  void text(double x, double y, std::string_view css, std::string_view content);
  double draw_legend(const std::vector<LegendEntry>& entries, double top);
  void draw_x_axis(const std::vector<Tick>& ticks, const std::string& title);
  void draw_y_axis(const std::vector<Tick>& ticks);

  PlotAxis x_, y_;
  double left_ = 0.0, top_ = 0.0, right_ = 0.0, bottom_ = 0.0, height_ = 0.0;
  std::string body_;
};

}  // namespace arzoo
