#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "core/chart.h"
#include "core/display_text.h"
#include "core/svg_plot.h"

namespace arzoo {

namespace {

constexpr double kBarRow = 30.0, kThickness = 0.6;
constexpr std::size_t kLongestBarName = 28;

std::string value_text(const Bar& bar) {
  const auto text = fmt::format("{} {}", bar.name, short_number(bar.value));
  if (!std::isfinite(bar.low) || !std::isfinite(bar.high)) return text;
  return fmt::format("{} ({} to {})", text, short_number(bar.low), short_number(bar.high));
}

}  // namespace

std::string to_svg(const BarChart& chart) {
  const std::vector<double> zero{0.0};
  std::vector<double> values, lows, highs;
  const auto count = static_cast<double>(chart.bars.size());
  PlotFrame frame;
  for (const Bar& bar : chart.bars) {
    frame.y_ticks.push_back({count - static_cast<double>(frame.y_ticks.size()) - 1.0,
                             shortened(one_line(bar.name), kLongestBarName)});
    values.push_back(bar.value);
    lows.push_back(bar.low);
    highs.push_back(bar.high);
  }
  const std::vector<const std::vector<double>*> all{&zero, &values, &lows, &highs};
  const Range range = range_of(all, Scale::linear);
  frame.title = chart.title;
  frame.x = {chart.x_title, range, Scale::linear};
  frame.y = {"", {-0.5, std::max(count, 1.0) - 0.5}, Scale::linear};
  frame.x_ticks = [&](double width) { return fitting_number_ticks(range, Scale::linear, width, false); };
  frame.height = kBarRow * std::max(count, 1.0);

  SvgPlot plot(frame);
  if (chart.bars.empty()) plot.message("no values to show");
  for (std::size_t i = 0; i < chart.bars.size(); ++i) {
    const Bar& bar = chart.bars[i];
    const double y = frame.y_ticks[i].value;
    plot.bar(y, 0.0, bar.value, kThickness, "c0", value_text(bar));
    plot.whisker(y, bar.low, bar.high);
  }
  return std::move(plot).finish();
}

}  // namespace arzoo
