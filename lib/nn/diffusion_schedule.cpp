#include "nn/diffusion_schedule.h"

#include <torch/torch.h>

#include <cmath>
#include <numbers>

namespace arzoo::nn {
namespace {

constexpr double kMostBeta = 0.999;
/// Half the width of a step of 8-bit pixels in [-1, 1].
constexpr double kHalfStep = 1.0 / 255.0;
constexpr double kLeastProbability = 1e-12;

double alpha_bar(double time) {
  const double root = std::cos((time + 0.008) / 1.008 * std::numbers::pi / 2.0);
  return root * root;
}

std::vector<double> cosine_betas(int64_t steps) {
  std::vector<double> betas;
  const auto all = static_cast<double>(steps);
  for (int64_t i = 0; i < steps; ++i) {
    const auto begin = static_cast<double>(i);
    betas.push_back(std::min(1.0 - alpha_bar((begin + 1.0) / all) / alpha_bar(begin / all), kMostBeta));
  }
  return betas;
}

/// Evenly spread, the places accumulated and rounded to even on a tie as in Python.
std::vector<int64_t> spread_steps(int64_t all, int64_t kept) {
  const double stride = kept > 1 ? static_cast<double>(all - 1) / static_cast<double>(kept - 1) : 1.0;
  std::vector<int64_t> steps;
  double place = 0.0;
  for (int64_t i = 0; i < kept; ++i) {
    steps.push_back(std::llrint(place));
    place += stride;
  }
  return steps;
}

/// A row's entry of a table, [N, 1] float.
at::Tensor gathered(const std::vector<double>& table, const at::Tensor& t) {
  const auto whole = at::tensor(at::ArrayRef<double>(table), at::kDouble).to(t.device());
  return whole.index_select(0, t).to(at::kFloat).unsqueeze(1);
}

/// The normal distribution's share below x, by its tanh approximation.
at::Tensor approximate_cdf(const at::Tensor& x) {
  return ((x + x.pow(3) * 0.044715) * std::sqrt(2.0 / std::numbers::pi)).tanh().add(1.0).mul(0.5);
}

/// log P of 8-bit values under a normal distribution, element by element.
at::Tensor discretized_log_likelihood(const at::Tensor& x, const at::Tensor& mean,
                                      const at::Tensor& log_scale) {
  const auto centred = x - mean, inverse = at::exp(-log_scale);
  const auto below_upper = approximate_cdf(inverse * (centred + kHalfStep));
  const auto below_lower = approximate_cdf(inverse * (centred - kHalfStep));
  const auto log_of = [](const at::Tensor& p) { return p.clamp_min(kLeastProbability).log(); };
  return at::where(x.lt(-0.999), log_of(below_upper),
                   at::where(x.gt(0.999), log_of(1.0 - below_lower), log_of(below_upper - below_lower)));
}

/// KL divergence of two normal distributions in nats, element by element.
at::Tensor normal_divergence(const at::Tensor& mean1, const at::Tensor& log_variance1,
                             const at::Tensor& mean2, const at::Tensor& log_variance2) {
  return (log_variance2 - log_variance1 - 1.0 + at::exp(log_variance1 - log_variance2) +
          (mean1 - mean2).square() * at::exp(-log_variance2)) *
         0.5;
}

template <class Number>
at::Tensor estimated_start(const NoiseEstimate& estimate, const at::Tensor& x_t,
                           const StepNumbers<Number>& step, double clip) {
  const auto start = estimate.start.defined() ? estimate.start
                                              : x_t * step.sqrt_recip_alphas_cumprod -
                                                    estimate.noise * step.sqrt_recipm1_alphas_cumprod;
  return clip > 0.0 ? start.clamp(-clip, clip) : start;
}

}  // namespace

Prediction prediction_of(std::string_view name) { return name == "v" ? Prediction::v : Prediction::epsilon; }

DiffusionSolver solver_of(std::string_view name) {
  if (name == "ddim") return DiffusionSolver::ddim;
  return name == "dpmpp_2m" ? DiffusionSolver::dpmpp_2m : DiffusionSolver::ddpm;
}

std::string_view name_of(DiffusionSolver solver) {
  if (solver == DiffusionSolver::ddim) return "ddim";
  return solver == DiffusionSolver::dpmpp_2m ? "dpmpp_2m" : "ddpm";
}

NoiseEstimate NoiseEstimate::of(const at::Tensor& output) {
  const auto parts = output.chunk(2, 1);
  return {parts[0], parts[1]};
}

DiffusionSchedule::DiffusionSchedule(int64_t steps) {
  const auto all = cosine_betas(kDiffusionSteps);
  const auto kept = spread_steps(kDiffusionSteps, steps);
  double product = 1.0, last = 1.0;
  std::size_t next = 0;
  for (int64_t i = 0; i < kDiffusionSteps && next < kept.size(); ++i) {
    product *= 1.0 - all[i];
    if (i != kept[next]) continue;
    betas.push_back(steps == kDiffusionSteps ? all[i] : 1.0 - product / last);
    last = product;
    ++next;
  }
  timestep_map_ = at::tensor(at::ArrayRef<int64_t>(kept), at::kLong);
  fill_tables();
}

void DiffusionSchedule::fill_tables() {
  double bar = 1.0;
  std::vector<double> variances;
  for (const double beta : betas) {
    const double before = bar;
    bar *= 1.0 - beta;
    log_betas.push_back(std::log(beta));
    alphas_cumprod.push_back(bar);
    sqrt_alphas_cumprod.push_back(std::sqrt(bar));
    sqrt_one_minus_alphas_cumprod.push_back(std::sqrt(1.0 - bar));
    sqrt_recip_alphas_cumprod.push_back(std::sqrt(1.0 / bar));
    sqrt_recipm1_alphas_cumprod.push_back(std::sqrt(1.0 / bar - 1.0));
    variances.push_back(beta * (1.0 - before) / (1.0 - bar));
    posterior_mean_coef1.push_back(beta * std::sqrt(before) / (1.0 - bar));
    posterior_mean_coef2.push_back((1.0 - before) * std::sqrt(1.0 - beta) / (1.0 - bar));
  }
  // The first variance is 0: its logarithm is the second's.
  if (variances.size() > 1) variances.front() = variances[1];
  for (const double variance : variances) posterior_log_variance_clipped.push_back(std::log(variance));
}

at::Tensor DiffusionSchedule::noised(const at::Tensor& x_start, const at::Tensor& t,
                                     const at::Tensor& noise) const {
  return gathered(sqrt_alphas_cumprod, t) * x_start + gathered(sqrt_one_minus_alphas_cumprod, t) * noise;
}

at::Tensor DiffusionSchedule::bound(const at::Tensor& pred_xstart, const at::Tensor& variance,
                                    const at::Tensor& x_start, const at::Tensor& x_t,
                                    const at::Tensor& t) const {
  const auto c1 = gathered(posterior_mean_coef1, t), c2 = gathered(posterior_mean_coef2, t);
  const auto true_log_variance = gathered(posterior_log_variance_clipped, t);
  const auto mean = c1 * pred_xstart + c2 * x_t;
  const auto share = (variance + 1.0) / 2.0;
  const auto log_variance = share * gathered(log_betas, t) + (1.0 - share) * true_log_variance;
  const auto divergence =
      normal_divergence(c1 * x_start + c2 * x_t, true_log_variance, mean, log_variance).mean(1);
  const auto likelihood = discretized_log_likelihood(x_start, mean, log_variance * 0.5).mean(1);
  return at::where(t.eq(0), -likelihood, divergence) / std::numbers::ln2;
}

DiffusionErrors DiffusionSchedule::errors(const NoiseEstimate& estimate, const at::Tensor& x_start,
                                          const at::Tensor& x_t, const at::Tensor& t,
                                          const at::Tensor& noise) const {
  const auto pred_xstart = gathered(sqrt_recip_alphas_cumprod, t) * x_t -
                           gathered(sqrt_recipm1_alphas_cumprod, t) * estimate.noise.detach();
  const auto mse = (noise - estimate.noise).square().mean(1);
  if (!estimate.variance.defined()) return {mse, at::zeros_like(mse)};
  return {mse, bound(pred_xstart, estimate.variance, x_start, x_t, t)};
}

DiffusionErrors DiffusionSchedule::velocity_errors(const at::Tensor& v, const at::Tensor& variance,
                                                   const at::Tensor& x_start, const at::Tensor& x_t,
                                                   const at::Tensor& t, const at::Tensor& noise) const {
  const auto a = gathered(sqrt_alphas_cumprod, t), s = gathered(sqrt_one_minus_alphas_cumprod, t);
  const auto mse = (a * noise - s * x_start - v).square().mean(1);
  if (!variance.defined()) return {mse, at::zeros_like(mse)};
  return {mse, bound(a * x_t - s * v.detach(), variance, x_start, x_t, t)};
}

StepNumbers<double> DiffusionSchedule::step(int64_t index) const {
  const auto i = static_cast<std::size_t>(index), before = i == 0 ? 0 : i - 1;
  const auto two = weights_of_two(index);
  return {.sqrt_alphas_cumprod = sqrt_alphas_cumprod[i],
          .sqrt_one_minus_alphas_cumprod = sqrt_one_minus_alphas_cumprod[i],
          .sqrt_recip_alphas_cumprod = sqrt_recip_alphas_cumprod[i],
          .sqrt_recipm1_alphas_cumprod = sqrt_recipm1_alphas_cumprod[i],
          .log_beta = log_betas[i],
          .posterior_log_variance_clipped = posterior_log_variance_clipped[i],
          .posterior_mean_coef1 = posterior_mean_coef1[i],
          .posterior_mean_coef2 = posterior_mean_coef2[i],
          .sqrt_alphas_cumprod_before = sqrt_alphas_cumprod[before],
          .sqrt_one_minus_alphas_cumprod_before = sqrt_one_minus_alphas_cumprod[before],
          .weight_of_x = two[0],
          .weight_of_start = two[1],
          .weight_of_start_before = two[2],
          .is_last = index == 0};
}

std::array<double, 3> DiffusionSchedule::weights_of_two(int64_t index) const {
  if (index == 0) return {0.0, 1.0, 0.0};
  const auto i = static_cast<std::size_t>(index);
  const auto half_log_ratio = [this](std::size_t at) {
    return std::log(sqrt_alphas_cumprod[at] / sqrt_one_minus_alphas_cumprod[at]);
  };
  const double h = half_log_ratio(i - 1) - half_log_ratio(i);
  const double of_starts = -std::expm1(-h) * sqrt_alphas_cumprod[i - 1];
  // Of the difference to the estimate before; there is none in the first step. The last steps to the data are
  // much longer than those before them: what changed there is carried on no farther than it was seen.
  double share = 0.0;
  if (index + 1 < steps()) share = std::min(h / (half_log_ratio(i) - half_log_ratio(i + 1)), 1.0) / 2.0;
  return {sqrt_one_minus_alphas_cumprod[i - 1] / sqrt_one_minus_alphas_cumprod[i], of_starts * (1.0 + share),
          -of_starts * share};
}

at::Tensor DiffusionSchedule::step_table(at::Device device) const {
  std::vector<double> all;
  for (int64_t index = 0; index < steps(); ++index) {
    const auto n = step(index);
    all.insert(all.end(), {n.sqrt_alphas_cumprod, n.sqrt_one_minus_alphas_cumprod,
                           n.sqrt_recip_alphas_cumprod, n.sqrt_recipm1_alphas_cumprod, n.log_beta,
                           n.posterior_log_variance_clipped, n.posterior_mean_coef1, n.posterior_mean_coef2,
                           n.sqrt_alphas_cumprod_before, n.sqrt_one_minus_alphas_cumprod_before,
                           n.weight_of_x, n.weight_of_start, n.weight_of_start_before});
  }
  return at::tensor(all, at::kDouble).to(device, at::kFloat).view({steps(), kStepNumbers});
}

StepNumbers<at::Tensor> DiffusionSchedule::step_of(const at::Tensor& row) {
  const auto n = row.unbind();
  return {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11], n[12]};
}

template <class Number>
NoiseEstimate DiffusionSchedule::of_velocity(const at::Tensor& v, const at::Tensor& variance,
                                             const at::Tensor& x_t, const StepNumbers<Number>& step) {
  const Number &a = step.sqrt_alphas_cumprod, &s = step.sqrt_one_minus_alphas_cumprod;
  return {v * a + x_t * s, variance, x_t * a - v * s};
}

template <class Number>
at::Tensor DiffusionSchedule::flow(const NoiseEstimate& estimate, const at::Tensor& x_t,
                                   const StepNumbers<Number>& step, double clip) {
  const auto start = estimated_start(estimate, x_t, step, clip);
  if (step.is_last) return start;
  // Where the start was clipped, the noise is what is left.
  const auto noise = (x_t - start * step.sqrt_alphas_cumprod) / step.sqrt_one_minus_alphas_cumprod;
  return start * step.sqrt_alphas_cumprod_before + noise * step.sqrt_one_minus_alphas_cumprod_before;
}

template <class Number>
DiffusionSchedule::TwoEstimates DiffusionSchedule::flow_by_two(const NoiseEstimate& estimate,
                                                               const at::Tensor& x_t,
                                                               const at::Tensor& start_before,
                                                               const StepNumbers<Number>& step, double clip) {
  const auto start = estimated_start(estimate, x_t, step, clip);
  if (step.is_last) return {start, start};
  return {x_t * step.weight_of_x + start * step.weight_of_start + start_before * step.weight_of_start_before,
          start};
}

template <class Number>
ReverseStep DiffusionSchedule::reverse(const NoiseEstimate& estimate, const at::Tensor& x_t,
                                       const StepNumbers<Number>& step, const at::Tensor& noise,
                                       double temperature, double clip) {
  ReverseStep made;
  const auto share = (estimate.variance + 1.0) / 2.0;
  made.log_variance = share * step.log_beta + (1.0 - share) * step.posterior_log_variance_clipped;
  made.pred_xstart = estimated_start(estimate, x_t, step, clip);
  made.mean = made.pred_xstart * step.posterior_mean_coef1 + x_t * step.posterior_mean_coef2;
  made.sample = step.is_last ? made.mean : made.mean + at::exp(made.log_variance * 0.5) * noise * temperature;
  return made;
}

template NoiseEstimate DiffusionSchedule::of_velocity(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                                      const StepNumbers<double>&);
template NoiseEstimate DiffusionSchedule::of_velocity(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                                      const StepNumbers<at::Tensor>&);
template at::Tensor DiffusionSchedule::flow(const NoiseEstimate&, const at::Tensor&,
                                            const StepNumbers<double>&, double);
template at::Tensor DiffusionSchedule::flow(const NoiseEstimate&, const at::Tensor&,
                                            const StepNumbers<at::Tensor>&, double);
template DiffusionSchedule::TwoEstimates DiffusionSchedule::flow_by_two(const NoiseEstimate&,
                                                                        const at::Tensor&, const at::Tensor&,
                                                                        const StepNumbers<double>&, double);
template DiffusionSchedule::TwoEstimates DiffusionSchedule::flow_by_two(const NoiseEstimate&,
                                                                        const at::Tensor&, const at::Tensor&,
                                                                        const StepNumbers<at::Tensor>&,
                                                                        double);
template ReverseStep DiffusionSchedule::reverse(const NoiseEstimate&, const at::Tensor&,
                                                const StepNumbers<double>&, const at::Tensor&, double,
                                                double);
template ReverseStep DiffusionSchedule::reverse(const NoiseEstimate&, const at::Tensor&,
                                                const StepNumbers<at::Tensor>&, const at::Tensor&, double,
                                                double);

double DiffusionSchedule::fixed_large_log_variance(int64_t index) const {
  return index == 0 ? posterior_log_variance_clipped.front() : log_betas[static_cast<std::size_t>(index)];
}

ReverseStep DiffusionSchedule::reverse_fixed_large(const NoiseEstimate& estimate, const at::Tensor& x_t,
                                                   int64_t index, const at::Tensor& noise, double temperature,
                                                   double clip) const {
  ReverseStep step;
  step.pred_xstart = estimated_start(estimate, x_t, this->step(index), clip);
  step.mean = step.pred_xstart * posterior_mean_coef1[index] + x_t * posterior_mean_coef2[index];
  const double deviation = std::exp(0.5 * fixed_large_log_variance(index));
  step.sample = index == 0 ? step.mean : step.mean + noise * (deviation * temperature);
  return step;
}

}  // namespace arzoo::nn
