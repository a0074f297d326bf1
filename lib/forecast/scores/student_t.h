#pragma once

/// Student's t distribution with a real number of degrees of freedom, which LibTorch has no functions for.
namespace arzoo::forecast {

/// P(T > |t|), by the continued fraction of the incomplete beta function (DLMF 8.17.22), exact in the far
/// tail.
double student_t_tail(double t, double degrees);
/// The t >= 0 with P(T > t) = tail, for tail in (0, 0.5].
double student_t_tail_point(double tail, double degrees);
/// log of the density at t.
double student_t_log_density(double t, double degrees);
/// The continuous ranked probability score of the standard distribution (Jordan, Krüger, Lerch 2019), for
/// more than one degree of freedom.
double student_t_crps(double t, double degrees);

}  // namespace arzoo::forecast
