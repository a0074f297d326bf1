#include "icl/prompting_strategies.h"

#include <torch/torch.h>

#include "icl/random_inputs.h"

namespace arzoo::icl {
namespace {

/// One sign per coordinate of each prompt, [B, 1, d].
at::Tensor quadrants(int64_t count, int64_t dims, at::Generator& generator) {
  return at::randn({count, 1, dims}, generator).sign();
}

/// Each point minus its projection on the span of the points before it, rescaled to its own length.
at::Tensor orthogonal_to_earlier(const at::Tensor& xs) {
  std::vector<at::Tensor> turned{xs.select(1, 0)};
  for (int64_t i = 1; i < xs.size(1); ++i) {
    const auto x = xs.select(1, i);
    const auto basis = std::get<0>(at::linalg_qr(xs.narrow(1, 0, i).transpose(1, 2).to(at::kDouble)));
    const auto wide = x.to(at::kDouble).unsqueeze(-1);
    const auto rest = (wide - at::matmul(basis, at::matmul(basis.transpose(1, 2), wide))).squeeze(-1);
    turned.push_back((rest * (x.norm(2, {-1}, true) / rest.norm(2, {-1}, true))).to(xs.scalar_type()));
  }
  return at::stack(turned, 1);
}

/// Each point from the second on one of those before it.
at::Tensor earlier_points(const at::Tensor& xs, at::Generator& generator) {
  std::vector<at::Tensor> chosen{xs.select(1, 0)};
  for (int64_t i = 1; i < xs.size(1); ++i) {
    const auto which = at::randint(i, {xs.size(0), 1, 1}, generator, at::kLong).expand({-1, 1, xs.size(2)});
    chosen.push_back(xs.gather(1, which).squeeze(1));
  }
  return at::stack(chosen, 1);
}

}  // namespace

const std::vector<std::string>& strategies() {
  static const std::vector<std::string> all{
      "standard", "random_quadrants",      "opposite_quadrants", "half_subspace", "orthogonal_train_test",
      "skewed",   "overlapping_train_test"};
  return all;
}

at::Tensor skewing(const at::Tensor& u) {
  const int64_t dims = u.size(0);
  auto eigenvalues = 1.0 / at::arange(1, dims + 1, u.options());
  eigenvalues = eigenvalues * (std::sqrt(static_cast<double>(dims)) / eigenvalues.norm());
  return at::matmul(u * eigenvalues, u.t());
}

StrategyPoints strategy_points(const std::string& strategy, int64_t count, int64_t points, int64_t dims,
                               at::Generator& generator) {
  const bool halved = strategy == "half_subspace";
  auto xs = gaussian_points(count, points, dims, halved ? std::max<int64_t>(1, dims / 2) : dims, generator);
  if (strategy == "skewed") {
    const auto u = std::get<0>(at::linalg_svd(at::randn({dims, dims}, generator)));
    return {at::matmul(xs, skewing(u)), {}};
  }
  if (strategy == "random_quadrants") return {xs.abs() * quadrants(count, dims, generator), xs};
  if (strategy == "opposite_quadrants") {
    const auto train = xs.abs() * quadrants(count, dims, generator);
    return {train, -train};
  }
  if (strategy == "orthogonal_train_test") {
    xs = xs.narrow(1, 0, std::min(points, dims));
    return {xs, orthogonal_to_earlier(xs)};
  }
  if (strategy == "overlapping_train_test") return {xs, earlier_points(xs, generator)};
  return {xs, {}};
}

at::Tensor strategy_errors(const Predictor& predict, const StrategyPoints& points,
                           const std::function<at::Tensor(const at::Tensor&)>& function) {
  if (!points.queries.defined()) {
    const auto ys = function(points.xs);
    return (predict(points.xs, ys) - ys).square();
  }
  std::vector<at::Tensor> errors;
  const int64_t all = points.xs.size(1);
  for (int64_t i = 0; i < all; ++i) {
    const auto xs = at::cat({points.xs.narrow(1, 0, i), points.queries.narrow(1, i, all - i)}, 1);
    const auto ys = function(xs);
    errors.push_back((predict(xs, ys) - ys).square().select(1, i));
  }
  return at::stack(errors, 1);
}

ErrorCurve error_curve(const at::Tensor& errors, int64_t seed) {
  constexpr int64_t kResamples = 1000;
  const auto wide = errors.to(at::kCPU, at::kDouble);
  auto generator = generator_of(seed, kTestStream, -1);
  std::vector<at::Tensor> means;
  for (int64_t i = 0; i < kResamples; ++i)
    means.push_back(
        wide.index_select(0, at::randint(wide.size(0), {wide.size(0)}, generator, at::kLong)).mean(0));
  const auto sorted = std::get<0>(at::stack(means).sort(0));
  return {wide.mean(0), wide.std(0), sorted[kResamples / 20], sorted[kResamples - kResamples / 20]};
}

}  // namespace arzoo::icl
