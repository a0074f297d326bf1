#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/chart.h"

namespace arzoo {

/// What an axis shows, in the data's units; low < high, and 0 < low on a log axis.
struct Range {
  double low, high;
};

/// A grid line and its label, which may have a second line; "" is a grid line without one.
struct Tick {
  double value;
  std::string label;
};

/// Whether `value` can be drawn: finite, not absurdly large, and positive on a log axis.
bool is_drawable(double value, Scale scale);

/// The range of all drawable values with a little room around them; 0..1 (1..10) when there is none.
Range range_of(std::span<const std::vector<double>* const> values, Scale scale);

/// Where `value` lies between the ends of `range`: 0 at low, 1 at high.
double position(double value, Range range, Scale scale);

/// An estimate, on the large side, of the width of `text` in pixels at `font_size`.
double text_width(const std::string& text, double font_size);

/// At most about `most` round numbers within `range`. `whole`: no fractions.
std::vector<Tick> number_ticks(Range range, Scale scale, int most, bool whole = false);

/// As many round numbers as their labels have room for on a horizontal axis of `width` pixels.
std::vector<Tick> fitting_number_ticks(Range range, Scale scale, double width, bool whole);

/// Ticks at indices of `stamps` for a horizontal axis of `width` pixels: starts of years, months or days
/// where the stamps are ISO dates, else every n-th.
std::vector<Tick> fitting_stamp_ticks(const std::vector<std::string>& stamps, Range range, double width);

constexpr double kTickFont = 12.0;

}  // namespace arzoo
