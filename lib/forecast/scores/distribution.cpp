#include "forecast/scores/distribution.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <unordered_map>

#include "forecast/scores/student_t.h"
#include "kernels/parallel.h"

namespace arzoo::forecast {
namespace {

constexpr double kLogRootTwoPi = 0.91893853320467274178;
constexpr double kLeastSlope = 1e-12;  // of equal quantiles, relative to their size

double normal_score(double level) {
  return at::special_ndtri(at::scalar_tensor(level, at::kDouble)).item<double>();
}

at::Tensor normal_density(const at::Tensor& z) { return at::exp(z.square() * -0.5 - kLogRootTwoPi); }

/// f of each pair of elements, on the CPU, in parallel. other: expands to x.
template <class Function>
at::Tensor elementwise(const at::Tensor& x, const at::Tensor& other, const Function& f) {
  constexpr int64_t kGrain = 2048;
  const auto a = x.to(at::kCPU, at::kDouble).contiguous();
  const auto b = other.to(at::kCPU, at::kDouble).expand_as(a).contiguous();
  auto out = at::empty_like(a);
  const double *from = a.const_data_ptr<double>(), *with = b.const_data_ptr<double>();
  double* to = out.mutable_data_ptr<double>();
  kernels::parallel_for(a.numel(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = f(from[i], with[i]);
  });
  return out.to(x.options());
}

/// The quantile of the standard distribution for each number of degrees of freedom, each of which most cells
/// share with others.
at::Tensor student_t_quantiles(const at::Tensor& degrees, double level) {
  const auto from = degrees.to(at::kCPU, at::kDouble).contiguous();
  auto out = at::empty_like(from);
  std::unordered_map<double, double> known;
  const double* df = from.const_data_ptr<double>();
  double* to = out.mutable_data_ptr<double>();
  for (int64_t i = 0; i < from.numel(); ++i) {
    const auto [point, is_new] = known.try_emplace(df[i]);
    if (is_new)
      point->second = std::copysign(student_t_tail_point(std::min(level, 1.0 - level), df[i]), level - 0.5);
    to[i] = point->second;
  }
  return out.to(degrees.options());
}

/// The integral of Φ² from -∞ to z.
at::Tensor squared_cdf_integral(const at::Tensor& z) {
  const auto cdf = at::special_ndtr(z);
  return z * cdf.square() + 2.0 * normal_density(z) * cdf -
         at::special_ndtr(z * std::numbers::sqrt2) * std::numbers::inv_sqrtpi;
}

/// Slopes of the pieces between quantiles, per unit of normal score: [..., levels - 1].
at::Tensor slopes(const at::Tensor& values, const at::Tensor& knots) {
  const auto slope = values.diff(1, -1) / knots.diff();
  return slope.maximum(values.slice(-1, 1).abs() * kLeastSlope + 1e-300);
}

at::Tensor knots_of(const std::vector<double>& levels, const at::Tensor& like) {
  return at::special_ndtri(at::tensor(levels, at::kDouble)).to(like.options());
}

}  // namespace

Distribution Distribution::normal(at::Tensor location, at::Tensor scale) {
  Distribution result;
  result.kind_ = Kind::normal;
  result.location_ = std::move(location);
  result.scale_ = std::move(scale);
  return result;
}

Distribution Distribution::student_t(at::Tensor location, at::Tensor scale, const at::Tensor& degrees) {
  auto result = normal(std::move(location), std::move(scale));
  result.kind_ = Kind::student_t;
  result.degrees_ = degrees.expand_as(result.location_);
  return result;
}

Distribution Distribution::quantiles(std::vector<double> levels, at::Tensor values) {
  Distribution result;
  result.kind_ = Kind::quantiles;
  result.levels_ = std::move(levels);
  result.values_ = std::move(values);
  result.location_ = result.values_.select(-1, 0);  // for its shape
  result.location_ = result.quantile(0.5);
  return result;
}

at::Tensor Distribution::quantile(double level) const {
  if (kind_ == Kind::normal) return level == 0.5 ? location_ : location_ + scale_ * normal_score(level);
  if (kind_ == Kind::student_t)
    return level == 0.5 ? location_ : location_ + scale_ * student_t_quantiles(degrees_, level);
  const auto place = std::lower_bound(levels_.begin(), levels_.end(), level) - levels_.begin();
  const auto last = static_cast<int64_t>(levels_.size()) - 1;
  if (place <= last && levels_[static_cast<std::size_t>(place)] == level) return values_.select(-1, place);
  const auto high = std::clamp<int64_t>(place, 1, last);
  const double from = normal_score(levels_[static_cast<std::size_t>(high - 1)]),
               to = normal_score(levels_[static_cast<std::size_t>(high)]);
  const double share = (normal_score(level) - from) / (to - from);
  const auto low = values_.select(-1, high - 1);
  return low + (values_.select(-1, high) - low) * share;
}

at::Tensor Distribution::at_scores(const at::Tensor& z) const {
  if (kind_ == Kind::normal) return location_ + scale_ * z;
  if (kind_ == Kind::student_t) {
    const auto points = elementwise(z, degrees_, [](double score, double df) {
      const double tail = 0.5 * std::erfc(std::abs(score) / std::numbers::sqrt2);
      return std::copysign(student_t_tail_point(std::max(tail, 1e-300), df), score);
    });
    return location_ + scale_ * points;
  }
  const auto knots = knots_of(levels_, values_);
  const auto high = at::searchsorted(knots, z.to(values_.scalar_type()).contiguous())
                        .clamp_(1, static_cast<int64_t>(levels_.size()) - 1);
  auto shape = z.sizes().vec();
  shape.push_back(values_.size(-1));
  const auto all = values_.expand(shape);
  const auto value = [&](const at::Tensor& place) { return all.gather(-1, place.unsqueeze(-1)).squeeze(-1); };
  const auto from = knots.index({high - 1}), to = knots.index({high});
  const auto low = value(high - 1);
  return low + (value(high) - low) * ((z - from) / (to - from));
}

at::Tensor Distribution::student_t_scores(const at::Tensor& standardised) const {
  const auto tail =
      elementwise(standardised, degrees_, [](double t, double df) { return student_t_tail(t, df); });
  const auto magnitude = -at::special_ndtri(tail.clamp_min(1e-300));
  return at::where(standardised < 0, -magnitude, magnitude);
}

at::Tensor Distribution::scores(const at::Tensor& y) const {
  if (kind_ == Kind::normal) return (y - location_) / scale_;
  if (kind_ == Kind::student_t)
    return student_t_scores(((y - location_) / scale_).to(at::kDouble)).to(y.options());
  const auto knots = knots_of(levels_, values_);
  const auto place = at::searchsorted(values_.contiguous(), y.unsqueeze(-1).contiguous())
                         .clamp_(1, static_cast<int64_t>(levels_.size()) - 1);  // [..., 1]
  const auto low = values_.gather(-1, place - 1);
  const auto slope = slopes(values_, knots).gather(-1, place - 1);
  return (knots.index({place - 1}) + (y.unsqueeze(-1) - low) / slope).squeeze(-1);
}

at::Tensor Distribution::loss(const at::Tensor& y) const {
  if (kind_ == Kind::normal) return scale_.log() + ((y - location_) / scale_).square() * 0.5 + kLogRootTwoPi;
  if (kind_ == Kind::student_t) {
    const auto half = degrees_ * 0.5;
    const auto constant =
        at::lgamma(half + 0.5) - at::lgamma(half) - 0.5 * at::log(degrees_ * std::numbers::pi);
    const auto standardised = (y - location_) / scale_;
    return scale_.log() - constant + (half + 0.5) * at::log1p(standardised.square() / degrees_);
  }
  const auto over = values_ - y.unsqueeze(-1);  // [..., levels]
  const auto level = at::tensor(levels_, at::kDouble).to(values_.options());
  // 2 max(level (y - q), (1 - level) (q - y))
  return at::maximum(over * (1.0 - level), over * -level).mean(-1) * 2.0;
}

at::Tensor Distribution::crps(const at::Tensor& y) const {
  torch::NoGradGuard no_grad;
  if (kind_ == Kind::quantiles) return piecewise_crps(y.to(at::kDouble));
  const auto z = ((y - location_) / scale_).to(at::kDouble);
  if (kind_ == Kind::student_t)
    return scale_ * elementwise(z, degrees_, [](double t, double df) { return student_t_crps(t, df); });
  return scale_ *
         (z * (2.0 * at::special_ndtr(z) - 1.0) + 2.0 * normal_density(z) - std::numbers::inv_sqrtpi);
}

/// With x = Q(z) linear in each piece, the score is the sum over pieces of slope ∫ (Φ(z) - 1[z >= z_y])² dz,
/// z_y being the normal score of y.
at::Tensor Distribution::piecewise_crps(const at::Tensor& y) const {
  constexpr double kFar = 40.0;  // Φ is 0 or 1 in double precision
  const auto values = values_.to(at::kDouble);
  const auto knots = knots_of(levels_, values);
  auto edges = knots.clone();
  edges[0].fill_(-kFar);
  edges[-1].fill_(kFar);
  const auto low = edges.slice(0, 0, -1), high = edges.slice(0, 1);
  const auto at_y = quantiles(levels_, values).scores(y).unsqueeze(-1);
  const auto below =
      squared_cdf_integral(at::minimum(high, at_y)) - squared_cdf_integral(at::minimum(low, at_y));
  const auto above =
      squared_cdf_integral(-at::maximum(low, at_y)) - squared_cdf_integral(-at::maximum(high, at_y));
  // A y beyond the far edges lies in an outermost piece all the same.
  const auto slope = slopes(values, knots);
  const auto beyond = at::relu(at_y.squeeze(-1) - kFar) * slope.select(-1, -1) +
                      at::relu(-kFar - at_y.squeeze(-1)) * slope.select(-1, 0);
  return ((below + above) * slope).sum(-1) + beyond;
}

Distribution Distribution::affine(const at::Tensor& scale, const at::Tensor& shift) const {
  auto result = *this;
  result.location_ = location_ * scale + shift;
  if (scale_.defined()) result.scale_ = scale_ * scale;
  if (values_.defined())
    result.values_ = values_ * scale.expand(location_.sizes()).unsqueeze(-1) +
                     shift.expand(location_.sizes()).unsqueeze(-1);
  return result;
}

Distribution Distribution::widened(const at::Tensor& factor) const {
  auto result = *this;
  if (scale_.defined()) result.scale_ = scale_ * factor;
  if (values_.defined()) {
    const auto median = location_.unsqueeze(-1);
    result.values_ = median + (values_ - median) * factor.unsqueeze(-1);
  }
  return result;
}

Distribution Distribution::chosen(const std::function<at::Tensor(const at::Tensor&)>& choose) const {
  auto result = *this;
  for (auto* part : {&result.location_, &result.scale_, &result.degrees_, &result.values_}) {
    if (part->defined()) *part = choose(*part);
  }
  return result;
}

Distribution Distribution::cat(std::span<const Distribution> parts, int64_t axis) {
  auto result = parts.front();
  for (auto member :
       {&Distribution::location_, &Distribution::scale_, &Distribution::degrees_, &Distribution::values_}) {
    if (!(result.*member).defined()) continue;
    std::vector<at::Tensor> tensors;
    for (const auto& part : parts) tensors.push_back(part.*member);
    result.*member = at::cat(tensors, axis);
  }
  return result;
}

}  // namespace arzoo::forecast
