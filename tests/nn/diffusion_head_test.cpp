#include "nn/diffusion_head.h"

#include "support/rerun_recorder.h"
#include "support/test.h"

using namespace arzoo;

namespace {

constexpr int64_t kChannels = 3, kCondition = 5;

nn::DiffusionLoss make_loss(bool official_start = false) {
  nn::DiffusionLoss loss({.channels = kChannels, .condition_width = kCondition, .width = 16, .depth = 2});
  const torch::NoGradGuard no_grad;
  loss.net().initialise();
  if (official_start) return loss;
  for (auto& parameter : loss.parameters()) parameter.add_(at::randn_like(parameter), 0.2);
  return loss;
}

/// Random inputs that count their steps.
nn::DiffusionRandomInputs zeros(int64_t rows, std::vector<int64_t>* asked = nullptr) {
  return {[rows] {
            return at::ones({rows, kChannels});
          },
          [rows, asked](int64_t index) {
            if (asked != nullptr) asked->push_back(index);
            return at::zeros({rows, kChannels});
          }};
}

/// Of tokens with standard deviation 0.5 about 2 the best estimate of the noise is linear in x_t, and the
/// flow leads each noise to the quantile that it is itself.
constexpr double kMean = 2.0, kDeviation = 0.5;
at::Tensor normal_noise() { return at::tensor({-1.5F, -0.3F, 0.0F, 0.8F, 2.0F}).view({5, 1}); }
at::Tensor normal_quantiles() { return normal_noise() * kDeviation + kMean; }
nn::NoiseEstimate estimate_for_normal(const nn::DiffusionSchedule& schedule, int64_t index,
                                      const at::Tensor& x_t) {
  const double signal = schedule.alphas_cumprod[index];
  const auto off = x_t - kMean * schedule.sqrt_alphas_cumprod[index];
  const auto noise = off * (schedule.sqrt_one_minus_alphas_cumprod[index] /
                            (signal * kDeviation * kDeviation + 1.0 - signal));
  return {noise, at::zeros_like(noise)};
}

}  // namespace

TEST_CASE("the official start estimates no noise at all") {
  torch::manual_seed(1);
  const auto loss = make_loss(true);
  const auto output = loss.net().forward(at::randn({4, kChannels}), at::full({4}, 500, at::kLong),
                                         at::randn({4, kCondition}));
  CHECK(at::equal(output, at::zeros({4, 2 * kChannels})));
}

TEST_CASE("modulations made beforehand, folded with the norms, give what the head gives") {
  torch::manual_seed(2);
  const auto loss = make_loss();
  const auto& net = loss.net();
  const auto x = at::randn({6, kChannels}), z = at::randn({6, kCondition});
  const auto t = at::tensor({0, 10, 300, 301, 900, 999}, at::kLong);
  const torch::NoGradGuard no_grad;
  const auto maps = net.modulations();
  const auto opened = at::silu(net.time_embed().forward(t) + net.cond_embed().forward(z));
  const auto output = net.estimate(x, at::linear(opened, maps.weight, maps.bias));
  CHECK(at::allclose(output, net.forward(x, t, z), 1e-5, 1e-5));
}

TEST_CASE("a packed head samples what it sampled before, whatever the number of rows") {
  torch::manual_seed(3);
  const auto rows = GENERATE(int64_t{1}, int64_t{2}, int64_t{300});
  const auto loss = make_loss();
  const auto z = at::randn({rows, kCondition});
  const nn::DiffusionSchedule schedule(20);
  const auto before = loss.sample(z, schedule, {}, zeros(rows));
  kernels::pack_for_inference(const_cast<nn::DiffusionLoss&>(loss));
  const auto after = loss.sample(z, schedule, {}, zeros(rows));
  // The first steps divide by tiny numbers: rounding is magnified.
  CHECK(at::allclose(before, after, 1e-3, 1e-2 * before.abs().max().item<double>()));
  const auto first = loss.sample(z.narrow(0, 0, 1), schedule, {}, zeros(1));
  CHECK(at::allclose(after.narrow(0, 0, 1), first, 1e-3, 1e-2 * before.abs().max().item<double>()));
}

TEST_CASE("every step but the last asks for noise, from the latest to the earliest") {
  torch::manual_seed(4);
  const auto loss = make_loss();
  std::vector<int64_t> asked;
  loss.sample(at::randn({2, kCondition}), nn::DiffusionSchedule(4), {}, zeros(2, &asked));
  CHECK(asked == std::vector<int64_t>{3, 2, 1});
}

TEST_CASE("guidance by 0 and by 1 is no condition and the condition alone") {
  const auto output = at::arange(4 * 2 * kChannels, at::kFloat).view({4, -1});
  const auto noise = [&](double cfg) {
    return nn::guided_estimate(output, cfg, kChannels).narrow(1, 0, kChannels);
  };
  CHECK(at::equal(noise(1.0).narrow(0, 0, 2), output.narrow(1, 0, kChannels).narrow(0, 0, 2)));
  CHECK(at::equal(noise(0.0).narrow(0, 0, 2), output.narrow(1, 0, kChannels).narrow(0, 2, 2)));
  CHECK(at::equal(nn::guided_estimate(output, 3.0, kChannels).narrow(1, kChannels, kChannels),
                  output.narrow(1, kChannels, kChannels)));
}

TEST_CASE("the bound's gradient reaches the variances alone, the squared error's the noise alone") {
  torch::manual_seed(5);
  const nn::DiffusionSchedule schedule;
  const auto output = torch::randn({8, 2 * kChannels}, at::requires_grad());
  const auto x = at::randn({8, kChannels}), noise = at::randn({8, kChannels});
  const auto t = at::tensor({0, 0, 1, 5, 100, 500, 900, 999}, at::kLong);
  const auto x_t = schedule.noised(x, t, noise);
  const auto errors = schedule.errors(nn::NoiseEstimate::of(output), x, x_t, t, noise);
  const bool bound = GENERATE(true, false);
  (bound ? errors.vb : errors.mse).sum().backward();
  const auto parts = output.grad().chunk(2, 1);
  CHECK(parts[bound ? 0 : 1].abs().max().item<double>() == 0.0);
  CHECK(parts[bound ? 1 : 0].abs().min().item<double>() > 0.0);
}

TEST_CASE("a head that says nothing of the variance has no variational bound") {
  torch::manual_seed(12);
  const auto prediction = GENERATE(nn::Prediction::epsilon, nn::Prediction::v);
  const nn::DiffusionLoss loss({.channels = kChannels,
                                .condition_width = kCondition,
                                .width = 16,
                                .depth = 2,
                                .outputs = kChannels,
                                .prediction = prediction});
  loss.net().initialise();
  const auto x = at::randn({6, kChannels}), noise = at::randn({6, kChannels});
  const auto t = at::tensor({0, 10, 300, 301, 900, 998}, at::kLong);
  const auto errors = loss.rows(x, at::randn({6, kCondition}), t, noise).errors;
  CHECK(at::equal(errors.vb, at::zeros({6})));
  // The official start estimates zero, so that the error is the target's own square.
  if (prediction == nn::Prediction::epsilon) CHECK(at::allclose(errors.mse, noise.square().mean(1)));
  errors.mse.mean().backward();
}

TEST_CASE("the true noise leads back to where the rows came from") {
  torch::manual_seed(6);
  const nn::DiffusionSchedule schedule(50);
  const auto x = at::randn({5, kChannels}), noise = at::randn({5, kChannels});
  for (const int64_t index : {int64_t{0}, int64_t{20}, int64_t{40}}) {
    const auto x_t = schedule.noised(x, at::full({5}, index, at::kLong), noise);
    const auto step = schedule.reverse({noise, at::zeros_like(noise)}, x_t, index, noise, 1.0);
    CHECK(at::allclose(step.pred_xstart, x, 1e-3, 1e-3));
    if (index == 0) CHECK(at::equal(step.sample, step.mean));
  }
}

TEST_CASE("respacing keeps the first and the last step and what is left of the signal at each") {
  const nn::DiffusionSchedule all, some(GENERATE(int64_t{2}, int64_t{25}, int64_t{100}));
  const auto map = some.timestep_map();
  CHECK(map[0].item<int64_t>() == 0);
  CHECK(map[-1].item<int64_t>() == 999);
  for (int64_t i = 0; i < some.steps(); ++i) {
    CHECK(some.alphas_cumprod[i] == Approx(all.alphas_cumprod[map[i].item<int64_t>()]).epsilon(1e-6));
  }
}

TEST_CASE("along the flow, noise leads to a normal distribution's own quantile, and no noise is added") {
  const nn::DiffusionSchedule schedule(250);
  auto x = normal_noise();
  for (int64_t index = schedule.steps() - 1; index >= 0; --index)
    x = schedule.flow(estimate_for_normal(schedule, index, x), x, index);
  CHECK(at::allclose(x, normal_quantiles(), 0.0, 0.02));
  const auto clipped = schedule.flow({at::zeros({1, 1}), at::zeros({1, 1})}, at::full({1, 1}, 9.0F), 0, 3.0);
  CHECK(clipped.item<double>() == 3.0);
}

TEST_CASE("two estimates a step come nearer to the flow's end than one, in as many steps") {
  const auto steps = GENERATE(int64_t{10}, int64_t{20}, int64_t{40});
  const nn::DiffusionSchedule schedule(steps);
  auto by_one = normal_noise(), by_two = normal_noise();
  auto before = at::zeros_like(by_two);
  for (int64_t index = steps - 1; index >= 0; --index) {
    by_one = schedule.flow(estimate_for_normal(schedule, index, by_one), by_one, index);
    const auto next = nn::DiffusionSchedule::flow_by_two(estimate_for_normal(schedule, index, by_two), by_two,
                                                         before, schedule.step(index), 0.0);
    by_two = next.sample;
    before = next.start;
  }
  const auto error = [](const at::Tensor& x) { return (x - normal_quantiles()).norm().item<double>(); };
  CHECK(error(by_two) < 0.5 * error(by_one));
}

TEST_CASE("the weights of two estimates leave a start that never changes where it is") {
  // x_t = a x_0 + s epsilon with both fixed is a path of the flow: any step leads to its next point.
  const nn::DiffusionSchedule schedule(25);
  for (int64_t index = 1; index < schedule.steps(); ++index) {
    const auto step = schedule.step(index);
    const double starts = step.weight_of_start + step.weight_of_start_before;
    CHECK(step.weight_of_x * step.sqrt_alphas_cumprod + starts ==
          Approx(step.sqrt_alphas_cumprod_before).epsilon(1e-9));
    CHECK(step.weight_of_x * step.sqrt_one_minus_alphas_cumprod ==
          Approx(step.sqrt_one_minus_alphas_cumprod_before));
  }
  CHECK(schedule.step(24).weight_of_start_before == 0.0);
  CHECK(schedule.step(0).weight_of_start == 1.0);
}

TEST_CASE("along the flow the temperature is that of the noise that it starts from") {
  torch::manual_seed(13);
  const auto loss = make_loss();
  const auto z = at::randn({2, kCondition}), noise = at::randn({2, kChannels});
  const nn::DiffusionSchedule schedule(6);
  const auto solver = GENERATE(nn::DiffusionSolver::ddim, nn::DiffusionSolver::dpmpp_2m);
  const auto sample = [&](double temperature, double scale) {
    return loss.sample(z, schedule, {.temperature = temperature, .clip = 3.0, .solver = solver},
                       {[&] { return noise * scale; },
                        [&](int64_t) -> at::Tensor {
                          FAIL("a step along the flow asked for noise");
                          return {};
                        }});
  };
  CHECK(at::equal(sample(0.5, 1.0), sample(1.0, 0.5)));
  CHECK_FALSE(at::allclose(sample(0.5, 1.0), sample(1.0, 1.0), 1e-3, 1e-3));
}

TEST_CASE("a head whose random inputs have no steps follows the flow") {
  torch::manual_seed(8);
  const auto loss = make_loss();
  const auto z = at::randn({2, kCondition}), noise = at::randn({2, kChannels});
  const nn::DiffusionSchedule schedule(6);
  const auto sampled = loss.sample(z, schedule, {.clip = 3.0}, {[&] { return noise; }});
  auto x = noise;
  const torch::NoGradGuard no_grad;
  for (int64_t index = 5; index >= 0; --index) {
    const auto t = schedule.timestep_map()[index].expand({2});
    x = schedule.flow(nn::NoiseEstimate::of(loss.net().estimate_at(x, t, z)), x, index, 3.0);
  }
  CHECK(at::allclose(sampled, x, 1e-3, 1e-3));
}

TEST_CASE("recorded denoising steps give what steps give, guided or not, by every solver") {
  torch::manual_seed(11);
  using Solver = nn::DiffusionSolver;
  const auto [cfg, solver, prediction] =
      GENERATE(table<double, Solver, nn::Prediction>({{1.0, Solver::ddpm, nn::Prediction::epsilon},
                                                      {2.5, Solver::ddpm, nn::Prediction::v},
                                                      {2.5, Solver::ddim, nn::Prediction::epsilon},
                                                      {2.5, Solver::dpmpp_2m, nn::Prediction::v}}));
  nn::DiffusionHead head({.channels = kChannels,
                          .condition_width = kCondition,
                          .width = 16,
                          .depth = 2,
                          .prediction = prediction});
  {
    const torch::NoGradGuard no_grad;
    for (auto& parameter : head.parameters()) parameter.normal_(0.0, 0.2);
  }
  const auto z = at::randn({4, kCondition}), start = at::randn({2, kChannels}),
             noise = at::randn({12, 2, kChannels});
  const int64_t rows = cfg == 1.0 ? 4 : 2;
  const nn::DiffusionRandomInputs inputs{[&] {
                                           return start.repeat({rows / 2, 1});
                                         },
                                         [&](int64_t index) {
                                           return noise[index].repeat({rows / 2, 1});
                                         }};
  const nn::Denoising how{.cfg = cfg, .temperature = 0.9, .clip = 2.0, .solver = solver};
  const nn::DiffusionSchedule schedule(12);
  test::RecorderCounts counts;
  const auto plain = nn::sample_diffusion(head, z, schedule, how, inputs);
  const auto recorded = nn::sample_diffusion(head, z, schedule, how, inputs, test::rerun_recorder(counts));
  CHECK(at::allclose(recorded, plain, 1e-5, 1e-6));
  CHECK(counts.recorded == 1);
  CHECK(counts.replayed == 10);
}
