#include "core/svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <optional>

#include "core/display_text.h"

namespace arzoo {

namespace {

constexpr double kWidth = 860.0;
constexpr double kMargin = 18.0;
constexpr double kTitleFont = 16.0;
constexpr double kLegendRow = 20.0, kSwatch = 22.0, kLegendGap = 22.0;
constexpr std::size_t kLongestName = 60;
constexpr std::size_t kMostPoints = 2000;  // of one line: more than there are pixels

// Colours after Okabe and Ito, darkened on white and lightened on black until each has contrast enough for a
// line.
constexpr std::string_view kPlotStyle = R"(<style>
.az text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:#57606a}
.az .title{font-size:16px;font-weight:600;fill:#1f2328}
.az .name{font-size:13px;fill:#32383f}
.az .axis-title{fill:#6e7781}
.az .mid{text-anchor:middle}.az .end{text-anchor:end}
.az .paper{fill:#fff}
.az .grid{stroke:#eaeef2}.az .axis{stroke:#afb8c1}.az .mark{stroke:#8c959f;stroke-dasharray:4 4}
.az .line,.az .dashed,.az .thin,.az .faint{stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.az .thin{stroke-width:1.5}.az .faint{stroke-width:1;stroke-opacity:.3}.az .dashed{stroke-dasharray:1 5}
.az .c0{stroke:#0072b2;fill:#0072b2}.az .c1{stroke:#d55e00;fill:#d55e00}
.az .c2{stroke:#00865f;fill:#00865f}.az .c3{stroke:#b0508e;fill:#b0508e}
.az .c4{stroke:#b8860b;fill:#b8860b}.az .c5{stroke:#3fa0d8;fill:#3fa0d8}
.az .c6{stroke:#882255;fill:#882255}.az .c7{stroke:#6b7178;fill:#6b7178}
.az .ink{stroke:#424a53;fill:#424a53}
.az .line,.az .dashed,.az .thin,.az .faint{fill:none}.az .band{stroke:none}
@media screen and (prefers-color-scheme:dark){
.az text{fill:#9198a1}.az .title{fill:#e6edf3}.az .name{fill:#c9d1d9}.az .axis-title{fill:#848d97}
.az .paper{fill:#161b22}.az .grid{stroke:#262c35}.az .axis{stroke:#484f58}.az .mark{stroke:#6e7681}
.az .c0{stroke:#4aa8f0;fill:#4aa8f0}.az .c1{stroke:#ff8a3d;fill:#ff8a3d}
.az .c2{stroke:#2fc795;fill:#2fc795}.az .c3{stroke:#e08fc4;fill:#e08fc4}
.az .c4{stroke:#e3b341;fill:#e3b341}.az .c5{stroke:#8ed0f8;fill:#8ed0f8}
.az .c6{stroke:#e0719f;fill:#e0719f}.az .c7{stroke:#a2a9b1;fill:#a2a9b1}
.az .ink{stroke:#c9d1d9;fill:#c9d1d9}
.az .line,.az .dashed,.az .thin,.az .faint{fill:none}.az .band{stroke:none}
}
</style>
)";

std::string_view css_of(Look look) {
  switch (look) {
    case Look::line:
      return "line";
    case Look::dashed:
      return "dashed";
    case Look::thin:
      return "thin";
    case Look::faint:
      return "faint";
    case Look::band:
      return "band";
  }
  return "line";
}

/// The indices that show a line of any length: all of a short one, of a long one each stretch's least and
/// greatest value in their order, and one gap for a stretch that holds nothing else.
std::vector<std::size_t> shown_points(std::size_t count,
                                      const std::function<std::optional<double>(std::size_t)>& value) {
  std::vector<std::size_t> shown;
  const std::size_t stretches = count <= kMostPoints ? count : kMostPoints / 2;
  shown.reserve(std::min(count, kMostPoints));
  for (std::size_t s = 0; s < stretches; ++s) {
    const std::size_t begin = s * count / stretches, end = (s + 1) * count / stretches;
    std::optional<double> least, greatest;
    std::size_t at_least = begin, at_greatest = begin;
    for (std::size_t i = begin; i < end; ++i) {
      const auto here = value(i);
      if (!here) continue;
      if (!least || *here < *least) least = here, at_least = i;
      if (!greatest || *here > *greatest) greatest = here, at_greatest = i;
    }
    shown.push_back(std::min(at_least, at_greatest));
    if (at_least != at_greatest) shown.push_back(std::max(at_least, at_greatest));
  }
  return shown;
}

std::string label_of(const LegendEntry& entry) { return shortened(one_line(entry.name), kLongestName); }

}  // namespace

SvgPlot::SvgPlot(const PlotFrame& frame) : x_(frame.x), y_(frame.y) {
  double widest = 0.0;
  for (const Tick& tick : frame.y_ticks) widest = std::max(widest, text_width(tick.label, kTickFont));
  left_ = std::max(kMargin + widest + 8.0, 48.0);
  right_ = kWidth - kMargin - 12.0;

  double y = kMargin;
  if (!frame.title.empty()) {
    const auto room = static_cast<std::size_t>((kWidth - 2.0 * kMargin) / (0.62 * kTitleFont));
    text(kMargin, y + 14.0, "title", shortened(one_line(frame.title), room));
    y += 30.0;
  }
  y = draw_legend(frame.legend, y);
  if (!y_.title.empty()) {
    text(kMargin, y + 12.0, "axis-title", shortened(one_line(y_.title), kLongestName));
    y += 22.0;
  }
  top_ = y + 4.0;
  bottom_ = top_ + frame.height;
  draw_y_axis(frame.y_ticks);
  draw_x_axis(frame.x_ticks(right_ - left_), frame.x.title);
}

double SvgPlot::px(double x) const { return left_ + position(x, x_.range, x_.scale) * (right_ - left_); }
double SvgPlot::py(double y) const { return bottom_ - position(y, y_.range, y_.scale) * (bottom_ - top_); }
bool SvgPlot::is_point(double x, double y) const {
  return is_drawable(x, x_.scale) && is_drawable(y, y_.scale);
}

void SvgPlot::text(double x, double y, std::string_view css, std::string_view content) {
  fmt::format_to(std::back_inserter(body_), "<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", css,
                 x, y, escape_markup(content));
}

double SvgPlot::draw_legend(const std::vector<LegendEntry>& entries, double top) {
  if (entries.empty()) return top;
  double x = kMargin, y = top + kLegendRow / 2.0;
  for (const LegendEntry& entry : entries) {
    const std::string name = label_of(entry);
    const double width = kSwatch + 7.0 + text_width(name, 13.0);
    if (x > kMargin && x + width > kWidth - kMargin) {
      x = kMargin;
      y += kLegendRow;
    }
    if (entry.look == Look::band) {
      fmt::format_to(std::back_inserter(body_),
                     "<rect class=\"band {}\" fill-opacity=\"{:.2f}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{}\" "
                     "height=\"10\" rx=\"2\"/>\n",
                     entry.color, entry.opacity, x, y - 5.0, kSwatch);
    } else {
      fmt::format_to(std::back_inserter(body_), "<path class=\"{} {}\" d=\"M{:.1f} {:.1f}h{}\"/>\n",
                     entry.color, css_of(entry.look), x + 1.0, y, kSwatch - 2.0);
    }
    text(x + kSwatch + 7.0, y + 4.5, "name", name);
    x += width + kLegendGap;
  }
  return y + kLegendRow / 2.0 + 8.0;
}

void SvgPlot::draw_y_axis(const std::vector<Tick>& ticks) {
  for (const Tick& tick : ticks) {
    const double y = py(tick.value);
    fmt::format_to(std::back_inserter(body_), "<path class=\"grid\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>\n", left_,
                   y, right_);
    if (!tick.label.empty()) text(left_ - 8.0, y + 4.0, "end", tick.label);
  }
}

void SvgPlot::draw_x_axis(const std::vector<Tick>& ticks, const std::string& title) {
  double below = 20.0;
  for (const Tick& tick : ticks) {
    const double x = px(tick.value);
    const bool grid = x_.scale == Scale::log;
    fmt::format_to(std::back_inserter(body_), "<path class=\"{}\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>\n",
                   grid ? "grid" : "axis", x, grid ? top_ : bottom_,
                   tick.label.empty() ? bottom_ : bottom_ + 5.0);
    for (std::size_t begin = 0, line = 0; begin < tick.label.size(); ++line) {
      const std::size_t end = std::min(tick.label.find('\n', begin), tick.label.size());
      const std::string part = tick.label.substr(begin, end - begin);
      const double half = text_width(part, kTickFont) / 2.0;
      const double drop = 20.0 + 16.0 * static_cast<double>(line);
      // The first and last label may reach beyond the plot, never beyond the picture.
      text(std::clamp(x, 4.0 + half, std::max(4.0 + half, kWidth - 4.0 - half)), bottom_ + drop, "mid", part);
      below = std::max(below, drop);
      begin = end + 1;
    }
  }
  fmt::format_to(std::back_inserter(body_), "<path class=\"axis\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>\n", left_,
                 bottom_, right_);
  if (!title.empty()) {
    below += 22.0;
    text((left_ + right_) / 2.0, bottom_ + below, "axis-title mid", shortened(one_line(title), kLongestName));
  }
  height_ = bottom_ + below + 14.0;
}

void SvgPlot::line(const std::vector<double>& x, const std::vector<double>& y, Look look,
                   std::string_view color, std::string_view name) {
  const auto value = [&](std::size_t i) { return is_point(x[i], y[i]) ? std::optional(y[i]) : std::nullopt; };
  std::string path;
  std::size_t run = 0;  // points since the last gap
  const auto close_run = [&] {
    if (run == 1) path += "h0";  // with round ends, a dot
    run = 0;
  };
  for (const std::size_t i : shown_points(x.size(), value)) {
    if (!value(i)) {
      close_run();
      continue;
    }
    fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", run == 0 ? 'M' : 'L', px(x[i]), py(y[i]));
    ++run;
  }
  close_run();
  if (path.empty()) return;
  fmt::format_to(std::back_inserter(body_), "<path class=\"{} {}\" d=\"{}\"><title>{}</title></path>\n",
                 color, css_of(look), path, escape_markup(one_line(name)));
}

void SvgPlot::markers(const std::vector<double>& x, const std::vector<double>& y, std::string_view color) {
  const auto value = [&](std::size_t i) { return is_point(x[i], y[i]) ? std::optional(y[i]) : std::nullopt; };
  for (const std::size_t i : shown_points(x.size(), value)) {
    if (!value(i)) continue;
    fmt::format_to(std::back_inserter(body_),
                   "<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\"/>\n", color, px(x[i]),
                   py(y[i]));
  }
}

void SvgPlot::band(const std::vector<double>& x, const std::vector<double>& lower,
                   const std::vector<double>& upper, std::string_view color, double opacity,
                   std::string_view name) {
  const auto drawable = [&](std::size_t i) { return is_point(x[i], lower[i]) && is_point(x[i], upper[i]); };
  const auto value = [&](std::size_t i) {
    return drawable(i) ? std::optional(upper[i] - lower[i]) : std::nullopt;
  };
  std::string path, back;
  const auto close_area = [&] {
    if (!back.empty()) path += back + 'Z';
    back.clear();
  };
  for (const std::size_t i : shown_points(x.size(), value)) {
    if (!drawable(i)) {
      close_area();
      continue;
    }
    fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", back.empty() ? 'M' : 'L', px(x[i]),
                   py(upper[i]));
    back.insert(0, fmt::format("L{:.1f} {:.1f}", px(x[i]), py(lower[i])));
  }
  close_area();
  if (path.empty()) return;
  fmt::format_to(std::back_inserter(body_),
                 "<path class=\"band {}\" fill-opacity=\"{:.2f}\" d=\"{}\"><title>{}</title></path>\n", color,
                 opacity, path, escape_markup(one_line(name)));
}

void SvgPlot::bar(double y, double from, double to, double thickness, std::string_view color,
                  std::string_view name) {
  if (!is_point(from, y) || !is_point(to, y)) return;
  const double left = px(std::min(from, to)), top = py(y + thickness / 2.0);
  fmt::format_to(std::back_inserter(body_),
                 "<rect class=\"band {}\" fill-opacity=\"0.75\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
                 "height=\"{:.1f}\" rx=\"2\"><title>{}</title></rect>\n",
                 color, left, top, px(std::max(from, to)) - left, py(y - thickness / 2.0) - top,
                 escape_markup(one_line(name)));
}

void SvgPlot::whisker(double y, double low, double high) {
  if (!is_point(low, y) || !is_point(high, y)) return;
  constexpr double kEnd = 4.0;
  fmt::format_to(
      std::back_inserter(body_),
      "<path class=\"ink thin\" d=\"M{0:.1f} {1:.1f}v{3}M{0:.1f} {2:.1f}H{4:.1f}M{4:.1f} {1:.1f}v{3}\"/>\n",
      px(low), py(y) - kEnd, py(y), 2.0 * kEnd, px(high));
}

void SvgPlot::vertical(double x) {
  fmt::format_to(std::back_inserter(body_), "<path class=\"mark\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>\n", px(x),
                 top_, bottom_);
}

void SvgPlot::message(std::string_view content) {
  text((left_ + right_) / 2.0, (top_ + bottom_) / 2.0, "name mid", content);
}

std::string SvgPlot::finish() && {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"az\" viewBox=\"0 0 {0} {1:.0f}\" width=\"{0}\" "
      "height=\"{1:.0f}\" role=\"img\">\n{2}<rect class=\"paper\" width=\"{0}\" height=\"{1:.0f}\" "
      "rx=\"8\"/>\n{3}</svg>\n",
      kWidth, height_, kPlotStyle, body_);
}

}  // namespace arzoo
