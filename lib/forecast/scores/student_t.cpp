#include "forecast/scores/student_t.h"

#include <algorithm>
#include <cmath>

namespace arzoo::forecast {
namespace {

double log_beta(double a, double b) { return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b); }

/// The continued fraction of I_x(a, b), for x < (a + 1) / (a + b + 2) (modified Lentz).
double beta_fraction(double x, double a, double b) {
  constexpr int kMostTerms = 10000;
  constexpr double kTiny = 1e-300, kExact = 1e-15;
  const auto kept_off_zero = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1.0, d = 1.0 / kept_off_zero(1.0 - (a + b) * x / (a + 1.0)), fraction = d;
  for (int m = 1; m < kMostTerms; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                 odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double step = 1.0;
    for (const double term : {even, odd}) {
      d = 1.0 / kept_off_zero(1.0 + term * d);
      c = kept_off_zero(1.0 + term / c);
      step = c * d;
      fraction *= step;
    }
    if (std::abs(step - 1.0) < kExact) break;
  }
  return fraction;
}

/// The regularised incomplete beta function; y = 1 - x, given apart to stay exact near 0.
double incomplete_beta(double x, double y, double a, double b) {
  if (x <= 0.0) return 0.0;
  if (y <= 0.0) return 1.0;
  const double front = std::exp(a * std::log(x) + b * std::log(y) - log_beta(a, b));
  if (x < (a + 1.0) / (a + b + 2.0)) return front * beta_fraction(x, a, b) / a;
  return 1.0 - front * beta_fraction(y, b, a) / b;
}

}  // namespace

double student_t_tail(double t, double degrees) {
  const double square = t * t;
  if (!std::isfinite(square)) return 0.0;
  const double sum = degrees + square;
  return 0.5 * incomplete_beta(degrees / sum, square / sum, 0.5 * degrees, 0.5);
}

double student_t_log_density(double t, double degrees) {
  return -log_beta(0.5 * degrees, 0.5) - 0.5 * std::log(degrees) -
         0.5 * (degrees + 1.0) * std::log1p(t * t / degrees);
}

double student_t_tail_point(double tail, double degrees) {
  if (tail >= 0.5) return 0.0;
  // The density is at most its value at 0, so the point lies right of this, and left of some power of two of
  // it.
  double low = 0.0, high = std::max(1.0, (0.5 - tail) / std::exp(student_t_log_density(0.0, degrees)));
  while (student_t_tail(high, degrees) > tail && high < 1e300) {
    low = high;
    high *= 2.0;
  }
  // Newton on the tail's logarithm, which is nearly straight; halving where that leaves the bracket.
  double t = 0.5 * (low + high);
  for (int i = 0; i < 200; ++i) {
    const double there = student_t_tail(t, degrees);
    (there > tail ? low : high) = t;
    const double slope = -std::exp(student_t_log_density(t, degrees)) / there;
    double next = t - (std::log(there) - std::log(tail)) / slope;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    const double moved = std::abs(next - t);
    t = next;
    if (moved <= 1e-13 * t) break;
  }
  return t;
}

double student_t_crps(double t, double degrees) {
  const double above = student_t_tail(t, degrees), cdf = t < 0.0 ? above : 1.0 - above;
  const double density = std::exp(student_t_log_density(t, degrees));
  const double spread = std::exp(log_beta(0.5, degrees - 0.5) - 2.0 * log_beta(0.5, 0.5 * degrees));
  return t * (2.0 * cdf - 1.0) + 2.0 * density * (degrees + t * t) / (degrees - 1.0) -
         2.0 * std::sqrt(degrees) / (degrees - 1.0) * spread;
}

}  // namespace arzoo::forecast
