#include "forecast/scores/student_t.h"

#include <cmath>

#include "support/test.h"

using namespace arzoo::forecast;

TEST_CASE("the tails of Student's t are those of closed forms") {
  for (const double t : {0.0, 0.3, 1.0, 2.7, 12.0, 1e3, 1e6}) {
    INFO(t);
    CHECK(student_t_tail(t, 1) == Approx(t == 0 ? 0.5 : std::atan(1 / t) / M_PI).epsilon(1e-12));
    CHECK(student_t_tail(t, 2) == Approx(1 / (2 + t * t + t * std::sqrt(2 + t * t))).epsilon(1e-12));
    CHECK(student_t_tail(-t, 2) == student_t_tail(t, 2));
  }
  CHECK(student_t_tail(2.228138852, 10) == Approx(0.025).epsilon(1e-8));
  CHECK(student_t_tail(1.959963985, 1e9) == Approx(0.025).epsilon(1e-6));
}

TEST_CASE("a tail's point has that tail, however far out") {
  const double degrees = GENERATE(1.5, 2.0, 2.0001, 3.7, 30.0, 1e4);
  for (const double tail : {0.5, 0.4999, 0.3, 0.1, 0.025, 1e-4, 1e-12, 1e-200}) {
    INFO(degrees << " " << tail);
    CHECK(student_t_tail(student_t_tail_point(tail, degrees), degrees) == Approx(tail).epsilon(1e-9));
  }
}

TEST_CASE("the score of Student's t is the integral that defines it") {
  const double degrees = GENERATE(2.1, 4.0, 50.0), y = GENERATE(0.0, -0.7, 3.0);
  const auto cdf = [&](double x) {
    return x < 0 ? student_t_tail(x, degrees) : 1 - student_t_tail(x, degrees);
  };
  // Substituting x = sinh(s) reaches far enough for heavy tails. The integrand jumps at y.
  double sum = 0;
  constexpr int kSteps = 20000;
  const auto add = [&](double from, double to, double below) {
    const double step = (to - from) / kSteps;
    for (int i = 0; i < kSteps; ++i) {
      const double s = from + (i + 0.5) * step, distance = cdf(std::sinh(s)) - below;
      sum += distance * distance * std::cosh(s) * step;
    }
  };
  add(-16, std::asinh(y), 0);
  add(std::asinh(y), 16, 1);
  CHECK(student_t_crps(y, degrees) == Approx(sum).epsilon(1e-5));
}
