#include "core/chart_axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "core/display_text.h"

namespace arzoo {

namespace {

constexpr double kLargest = 1e300;     // beyond it a range overflows
constexpr double kSmallest = 1e-300;   // a difference below it is none
constexpr double kLargestLog = 1e200;  // on a log axis, of a value or of its inverse
constexpr double kRoom = 0.04;         // of the range, left free at both ends
constexpr double kLabelGap = 14.0;     // pixels between two labels

struct Magnitude {
  double size;
  const char* suffix;
};

/// The unit that a number of this size is best read in: plain up to 10,000, then 10k, 2.5M, 70G.
Magnitude magnitude_for(double size) {
  constexpr std::array<Magnitude, 4> kUnits{{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
  for (const Magnitude& unit : kUnits) {
    if (size >= unit.size && size >= 0.999e4) return unit;
  }
  return {1.0, ""};
}

/// Numbers of one axis share unit and decimals, so that they can be compared at a glance.
std::string linear_label(double value, double step, double largest) {
  if (value == 0.0) return "0";
  if (largest >= 1e15 || largest < 1e-3) return fmt::format("{:.4g}", value);
  const Magnitude unit = magnitude_for(largest);
  const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step / unit.size) + 1e-9)));
  if (decimals > 9) return fmt::format("{:.10g}", value);
  return fmt::format("{:.{}f}{}", value / unit.size, decimals, unit.suffix);
}

std::string log_label(double value) {
  if (value >= 1e15 || value < 0.999e-3) return fmt::format("{:.0e}", value);
  const Magnitude unit = magnitude_for(value);
  return fmt::format("{:.3g}{}", value / unit.size, unit.suffix);
}

/// The round number (1, 2 or 5 times a power of ten) that is nearest to `about`.
double round_step(double about) {
  const double power = std::pow(10.0, std::floor(std::log10(about)));
  const double factor = about / power;
  return power * (factor < 1.5 ? 1.0 : factor < 3.2 ? 2.0 : factor < 7.1 ? 5.0 : 10.0);
}

std::vector<Tick> linear_ticks(Range range, int most, bool whole) {
  double step = round_step((range.high - range.low) / most);
  if (whole) step = std::max(step, 1.0);
  const double first = std::ceil(range.low / step), last = std::floor(range.high / step);
  const double largest = std::max(std::abs(first), std::abs(last)) * step;
  std::vector<Tick> ticks;
  for (int i = 0; i <= last - first && i <= 2 * most; ++i) {
    const double value = (first + i) * step;
    ticks.push_back({value, linear_label(value, step, largest)});
  }
  return ticks;
}

/// Powers of ten, every n-th where they are many; between them 2 and 5 where they are few.
std::vector<Tick> log_ticks(Range range, int most) {
  const int first = static_cast<int>(std::floor(std::log10(range.low)));
  const int last = static_cast<int>(std::ceil(std::log10(range.high)));
  const double decades = std::log10(range.high) - std::log10(range.low);
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / most)));
  const bool between = decades * 3.0 <= most;
  std::vector<Tick> ticks;
  for (int power = first; power <= last; ++power) {
    for (int factor = 1; factor < 10; ++factor) {
      const double value = factor * std::pow(10.0, power);
      if (value < range.low || value > range.high) continue;
      const bool labelled = factor == 1 ? power % stride == 0 : between && (factor == 2 || factor == 5);
      if (labelled || (stride == 1 && decades < 4.0))
        ticks.push_back({value, labelled ? log_label(value) : ""});
    }
  }
  const auto labels =
      std::count_if(ticks.begin(), ticks.end(), [](const Tick& tick) { return !tick.label.empty(); });
  // Within less than a decade, round numbers of the linear kind tell more than a lone power of ten.
  return labels < 3 ? linear_ticks(range, most, false) : ticks;
}

/// Whether no label touches its neighbour, in either line.
bool labels_fit(const std::vector<Tick>& ticks, Range range, Scale scale, double width) {
  std::array<double, 2> taken{-1e9, -1e9};
  for (const Tick& tick : ticks) {
    const double center = position(tick.value, range, scale) * width;
    const std::size_t cut = tick.label.find('\n');
    const std::array<std::string, 2> lines{tick.label.substr(0, cut),
                                           cut == std::string::npos ? "" : tick.label.substr(cut + 1)};
    for (std::size_t i = 0; i < 2; ++i) {
      if (lines[i].empty()) continue;
      const double half = text_width(lines[i], kTickFont) / 2.0;
      if (center - half < taken[i] + kLabelGap) return false;
      taken[i] = center + half;
    }
  }
  return true;
}

}  // namespace

bool is_drawable(double value, Scale scale) {
  if (scale == Scale::log) return value >= 1.0 / kLargestLog && value <= kLargestLog;
  return std::abs(value) <= kLargest;
}

Range range_of(std::span<const std::vector<double>* const> values, Scale scale) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const auto* list : values) {
    for (const double value : *list) {
      if (!is_drawable(value, scale)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  if (scale == Scale::log) {
    if (low > high) return {1.0, 10.0};
    const double factor = low == high ? 2.0 : std::exp(kRoom * (std::log(high) - std::log(low)));
    return {low / factor, high * factor};
  }
  if (low > high) return {0.0, 1.0};
  // Values that differ by rounding alone are a flat line, not a mountain range.
  const double size = std::max(std::abs(low), std::abs(high));
  const bool flat = high - low <= std::max(size * 1e-12, kSmallest);
  const double room = !flat ? kRoom * (high - low) : size <= kSmallest ? 1.0 : 0.1 * size;
  return {low - room, high + room};
}

double position(double value, Range range, Scale scale) {
  // A difference of logarithms: the quotient itself may be beyond what a double holds.
  if (scale == Scale::log) {
    return (std::log(value) - std::log(range.low)) / (std::log(range.high) - std::log(range.low));
  }
  return (value - range.low) / (range.high - range.low);
}

double text_width(const std::string& text, double font_size) {
  constexpr double kCharacter = 0.62;  // of the font's size; the widest common sans serif digits are 0.64
  return static_cast<double>(display_width(text)) * kCharacter * font_size;
}

std::vector<Tick> number_ticks(Range range, Scale scale, int most, bool whole) {
  return scale == Scale::log ? log_ticks(range, most) : linear_ticks(range, most, whole);
}

std::vector<Tick> fitting_number_ticks(Range range, Scale scale, double width, bool whole) {
  std::vector<Tick> ticks;
  for (int most = 10; most >= 1; --most) {
    ticks = number_ticks(range, scale, most, whole);
    if (labels_fit(ticks, range, scale, width)) break;
  }
  return ticks;
}

namespace {

bool is_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char byte) { return byte >= '0' && byte <= '9'; });
}

/// A stamp taken apart for its label: "2016-07-01T12:00:00Z" is "2016-07-01" and "12:00".
struct Stamp {
  std::string date, time;
};

Stamp split(const std::string& text, bool with_seconds) {
  const std::size_t space = text.find(' ');
  const std::size_t cut = text.size() > 10 && text[10] == 'T' ? 10 : space;
  Stamp stamp{one_line(text.substr(0, cut)), cut == std::string::npos ? "" : one_line(text.substr(cut + 1))};
  if (!stamp.time.empty() && stamp.time.back() == 'Z') stamp.time.pop_back();
  if (!with_seconds && stamp.time.size() == 8) stamp.time.resize(5);
  return stamp;
}

bool is_iso_date(std::string_view date) {
  const bool day = date.size() == 10 && date[7] == '-' && is_digits(date.substr(8));
  const bool month = day || date.size() == 7;
  return month && date[4] == '-' && is_digits(date.substr(0, 4)) && is_digits(date.substr(5, 2));
}

bool ends_with_seconds(const std::string& stamp) {
  std::string_view text = stamp;
  if (text.ends_with('Z')) text.remove_suffix(1);
  return text.size() >= 8 && text[text.size() - 3] == ':' && text[text.size() - 6] == ':' &&
         !text.ends_with(":00");
}

/// A stamp's axis: its stamps, taken apart, and the ways to choose ticks among them.
class StampAxis {
 public:
  explicit StampAxis(const std::vector<std::string>& stamps) {
    const bool with_seconds = std::any_of(stamps.begin(), stamps.end(), ends_with_seconds);
    stamps_.reserve(stamps.size());
    for (const auto& text : stamps) stamps_.push_back(split(text, with_seconds));
    timed_ = std::any_of(stamps_.begin(), stamps_.end(),
                         [](const Stamp& s) { return !s.time.empty() && s.time != "00:00"; });
    iso_ = std::all_of(stamps_.begin(), stamps_.end(), [](const Stamp& s) { return is_iso_date(s.date); });
  }

  bool is_iso() const { return iso_; }
  bool is_timed() const { return timed_; }

  /// Every `stride`-th stamp; the date of timed stamps stands below the first tick of each day.
  std::vector<Tick> every(std::size_t stride) const {
    std::vector<Tick> ticks;
    const std::string* day = nullptr;
    for (std::size_t i = 0; i < stamps_.size(); i += stride) {
      const Stamp& stamp = stamps_[i];
      std::string label = timed_ ? stamp.time : stamp.date;
      if (timed_ && (day == nullptr || *day != stamp.date)) label += '\n' + stamp.date;
      day = &stamp.date;
      ticks.push_back({static_cast<double>(i), std::move(label)});
    }
    return ticks;
  }

  /// The stamps at which the first `length` characters of an ISO date change (4: year, 7: month, 10: day),
  /// thinned to years or months that divide by `stride`, or to every `stride`-th day.
  std::vector<Tick> starts(std::size_t length, int stride) const {
    std::vector<Tick> ticks;
    int days = 0;
    for (std::size_t i = 0; i < stamps_.size(); ++i) {
      const std::string part = stamps_[i].date.substr(0, length);
      const bool starts_here =
          i > 0 ? stamps_[i - 1].date.compare(0, length, part) != 0 : is_start(stamps_[0], length);
      if (!starts_here || part.size() < length) continue;
      const int count = length == 4 ? std::stoi(part) : length == 7 ? std::stoi(part.substr(5)) - 1 : days++;
      if (count % stride == 0) ticks.push_back({static_cast<double>(i), part});
    }
    return ticks;
  }

 private:
  static bool is_start(const Stamp& stamp, std::size_t length) {
    const bool midnight = stamp.time.empty() || stamp.time.starts_with("00:00");
    return midnight && std::string_view("-01-01").starts_with(std::string_view(stamp.date).substr(length));
  }

  std::vector<Stamp> stamps_;
  bool timed_ = false, iso_ = false;
};

}  // namespace

std::vector<Tick> fitting_stamp_ticks(const std::vector<std::string>& stamps, Range range, double width) {
  if (stamps.empty()) return {};
  const StampAxis axis(stamps);
  const auto fits = [&](const std::vector<Tick>& ticks) {
    return labels_fit(ticks, range, Scale::linear, width);
  };
  constexpr std::size_t kEnough = 4;
  struct Level {
    std::size_t length;
    std::vector<int> strides;
  };
  const std::vector<Level> levels{{4, {1, 2, 5, 10, 20, 50}}, {7, {1, 2, 3, 6}}, {10, {1, 2, 7, 14}}};
  for (const Level& level : levels) {
    if (!axis.is_iso() || (level.length == 10 && !axis.is_timed())) continue;
    for (const int stride : level.strides) {
      auto ticks = axis.starts(level.length, stride);
      if (ticks.size() >= kEnough && fits(ticks)) return ticks;
    }
  }
  // Multiples that people think in: parts of a day for times, tens for the rest.
  const std::vector<std::size_t> growth =
      axis.is_timed() ? std::vector<std::size_t>{1, 2, 3, 4, 6, 12} : std::vector<std::size_t>{1, 2, 5};
  for (std::size_t power = 1; power < stamps.size(); power *= axis.is_timed() ? 24 : 10) {
    for (const std::size_t factor : growth) {
      auto ticks = axis.every(power * factor);
      if (fits(ticks)) return ticks;
    }
  }
  return axis.every(stamps.size());
}

}  // namespace arzoo
