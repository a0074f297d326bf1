#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

/// Gaussian diffusion with learned variances (Ho et al., DDPM, NeurIPS 2020; Nichol & Dhariwal, ICML 2021).
namespace arzoo::nn {

/// What a network is trained to say of x_t = a x_0 + s epsilon (a^2 + s^2 = 1): the noise, or the velocity
/// v = a epsilon - s x_0 (Salimans & Ho, ICLR 2022), whose errors stay small where x_t is nearly all noise.
enum class Prediction { epsilon, v };
/// By its name in options, "epsilon" or "v".
Prediction prediction_of(std::string_view name);

/// How steps back are taken.
enum class DiffusionSolver {
  ddpm,     ///< with noise (Ho et al., DDPM, NeurIPS 2020)
  ddim,     ///< along the probability flow, which needs no noise (Song et al., DDIM, ICLR 2021)
  dpmpp_2m  ///< along it by the estimates of two steps (Lu et al., DPM-Solver++, 2022, Algorithm 2)
};
/// By its name in options, the enumerator's, and back.
DiffusionSolver solver_of(std::string_view name);
std::string_view name_of(DiffusionSolver solver);

/// A network's prediction for noised rows: each is half of its output, [N, C].
struct NoiseEstimate {
  at::Tensor noise;       ///< epsilon
  at::Tensor variance;    ///< where the log variance lies, -1 at the posterior's, 1 at log beta
  at::Tensor start = {};  ///< x_0 where the network said v; undefined: what follows from the noise

  /// output: [N, 2 C].
  static NoiseEstimate of(const at::Tensor& output);
};

/// What a step back from step t computes with: numbers, or tensors of one number each where a step that was
/// recorded is to serve them all (runtime/step_graph.h). The names are the official tables'.
template <class Number>
struct StepNumbers {
  Number sqrt_alphas_cumprod, sqrt_one_minus_alphas_cumprod, sqrt_recip_alphas_cumprod,
      sqrt_recipm1_alphas_cumprod, log_beta, posterior_log_variance_clipped, posterior_mean_coef1,
      posterior_mean_coef2;
  Number sqrt_alphas_cumprod_before, sqrt_one_minus_alphas_cumprod_before;  ///< of step t - 1
  /// DPM-Solver++(2M)'s weights of x_t, the start that is estimated now, and the one estimated at t + 1.
  Number weight_of_x, weight_of_start, weight_of_start_before;
  bool is_last = false;  ///< t = 0, to which no noise is added
};

/// One step back in time.
struct ReverseStep {
  at::Tensor pred_xstart, mean, log_variance, sample;  ///< [N, C] each
};

/// The loss of each row, [N]: mean squared error of the noise, and the variational bound in bits, whose
/// gradient reaches the variances alone (Nichol & Dhariwal 2021, Sec. 3.1).
struct DiffusionErrors {
  at::Tensor mse, vb;
};

/// The cosine schedule over kDiffusionSteps steps, or over some of them.
///
/// All tables are computed in double precision and rounded to fp32 where they meet a tensor, as in the
/// official code (guided diffusion).
class DiffusionSchedule {
 public:
  static constexpr int64_t kDiffusionSteps = 1000;

  /// Keeps `steps` of the original steps, evenly spread, the first and the last among them ("respacing"). 1
  /// <= steps <= kDiffusionSteps.
  explicit DiffusionSchedule(int64_t steps = kDiffusionSteps);

  int64_t steps() const { return static_cast<int64_t>(betas.size()); }
  /// The original timestep of each step, [steps] long: what the network is told.
  const at::Tensor& timestep_map() const { return timestep_map_; }

  /// x_t of rows x_start, [N, C], at steps t, [N] long.
  at::Tensor noised(const at::Tensor& x_start, const at::Tensor& t, const at::Tensor& noise) const;
  /// The errors of an estimate of `noise` made from x_t; `vb` is 0 where it says nothing of the variance.
  DiffusionErrors errors(const NoiseEstimate& estimate, const at::Tensor& x_start, const at::Tensor& x_t,
                         const at::Tensor& t, const at::Tensor& noise) const;
  /// The same of an estimate v of the velocity. variance: as NoiseEstimate's, or undefined.
  DiffusionErrors velocity_errors(const at::Tensor& v, const at::Tensor& variance, const at::Tensor& x_start,
                                  const at::Tensor& x_t, const at::Tensor& t, const at::Tensor& noise) const;
  /// What step `index` computes with.
  StepNumbers<double> step(int64_t index) const;
  /// The same of all steps, [steps, kStepNumbers] float, and of a row of it.
  at::Tensor step_table(at::Device device) const;
  static StepNumbers<at::Tensor> step_of(const at::Tensor& row);
  static constexpr int64_t kStepNumbers = 13;

  /// What an estimate of the velocity of x_t says of noise and start.
  template <class Number>
  static NoiseEstimate of_velocity(const at::Tensor& v, const at::Tensor& variance, const at::Tensor& x_t,
                                   const StepNumbers<Number>& step);
  /// From step `index` to the one before. At step 0 no noise is added. clip: bound of the estimated x_start's
  /// size, 0 for none: at the noisiest steps a small error of the estimate is one of hundreds there.
  ReverseStep reverse(const NoiseEstimate& estimate, const at::Tensor& x_t, int64_t index,
                      const at::Tensor& noise, double temperature, double clip = 0.0) const {
    return reverse(estimate, x_t, step(index), noise, temperature, clip);
  }
  template <class Number>
  static ReverseStep reverse(const NoiseEstimate& estimate, const at::Tensor& x_t,
                             const StepNumbers<Number>& step, const at::Tensor& noise, double temperature,
                             double clip);
  /// The same with a variance that is fixed and large: beta's, as nothing was learnt of it (DiT's
  /// `learn_sigma` false). Any shape.
  ReverseStep reverse_fixed_large(const NoiseEstimate& estimate, const at::Tensor& x_t, int64_t index,
                                  const at::Tensor& noise, double temperature, double clip = 0.0) const;
  /// The logarithm of that variance: of beta, at step 0 of the posterior's at step 1.
  double fixed_large_log_variance(int64_t index) const;
  /// The same step along the probability flow, which needs no noise (DDIM, Song et al., ICLR 2021): [N, C].
  at::Tensor flow(const NoiseEstimate& estimate, const at::Tensor& x_t, int64_t index,
                  double clip = 0.0) const {
    return flow(estimate, x_t, step(index), clip);
  }
  template <class Number>
  static at::Tensor flow(const NoiseEstimate& estimate, const at::Tensor& x_t,
                         const StepNumbers<Number>& step, double clip);
  /// The same by two estimates. start_before: x_0 as it was estimated at t + 1, of no consequence in the
  /// first step. Any shape.
  struct TwoEstimates {
    at::Tensor sample, start;  ///< x_{t-1}, and x_0 as it is estimated now
  };
  template <class Number>
  static TwoEstimates flow_by_two(const NoiseEstimate& estimate, const at::Tensor& x_t,
                                  const at::Tensor& start_before, const StepNumbers<Number>& step,
                                  double clip);

  // [steps] each; names are the official ones.
  std::vector<double> betas, log_betas, alphas_cumprod, sqrt_alphas_cumprod, sqrt_one_minus_alphas_cumprod,
      sqrt_recip_alphas_cumprod, sqrt_recipm1_alphas_cumprod, posterior_log_variance_clipped,
      posterior_mean_coef1, posterior_mean_coef2;

 private:
  void fill_tables();
  /// Of x_t, the start that is estimated at step `index`, and the one estimated before it.
  std::array<double, 3> weights_of_two(int64_t index) const;
  at::Tensor bound(const at::Tensor& pred_xstart, const at::Tensor& variance, const at::Tensor& x_start,
                   const at::Tensor& x_t, const at::Tensor& t) const;

  at::Tensor timestep_map_;
};

}  // namespace arzoo::nn
