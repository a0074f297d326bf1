#include "nn/diffusion_transformer.h"

#include "support/test.h"

using namespace arzoo;

namespace {

nn::DiffusionTransformerOptions small_grid() {
  return {
      .channels = 3, .condition_width = 6, .width = 8, .depth = 2, .heads = 2, .mlp_ratio = 2.0, .side = 3};
}

std::shared_ptr<nn::GridDiffusionLoss> random_head(int64_t seed = 1) {
  torch::manual_seed(seed);
  const torch::NoGradGuard no_grad;
  auto head = std::make_shared<nn::GridDiffusionLoss>(small_grid());
  head->net().initialise();
  for (auto& parameter : head->parameters()) {
    if (parameter.requires_grad()) parameter.add_(at::randn_like(parameter), 0.1);
  }
  return head;
}

}  // namespace

TEST_CASE("a grid's positions: columns first, sines before cosines") {
  const auto table = nn::grid_position_table(3, 8);
  CHECK(table.sizes() == at::IntArrayRef({9, 8}));
  // Place 5 is row 1, column 2; frequencies are 1 and 1/100.
  const auto expected = at::tensor({std::sin(2.0), std::sin(0.02), std::cos(2.0), std::cos(0.02),
                                    std::sin(1.0), std::sin(0.01), std::cos(1.0), std::cos(0.01)});
  CHECK(at::allclose(table[5], expected.to(at::kFloat), 1e-6, 1e-6));
}

TEST_CASE("at the official start the estimate is 0, and only what is masked counts") {
  nn::GridDiffusionLoss head(small_grid());
  torch::manual_seed(1);
  head.net().initialise();
  const auto noise = at::randn({2, 9, 3}), target = at::randn({2, 9, 3}), z = at::randn({2, 9, 6});
  const auto t = at::tensor({3, 700}, at::kLong);
  auto masked = at::ones({2, 9});
  CHECK(at::allclose(head.errors(target, z, masked, t, noise).mse, noise.square().mean()));
  masked.narrow(1, 0, 4).zero_();
  const auto counted = noise.narrow(1, 4, 5).square().sum() / static_cast<double>(noise.numel());
  CHECK(at::allclose(head.errors(target, z, masked, t, noise).mse, counted));
}

TEST_CASE("inference computes what training does, in bf16 nearly") {
  const auto head = random_head();
  auto& net = head->net();
  const auto x = at::randn({2, 9, 3}), z = at::randn({2, 9, 6});
  const auto t = at::tensor({3, 700}, at::kLong);
  const auto trained = net.forward(x, t, z);
  const torch::NoGradGuard no_grad;
  const auto estimate = [&] { return net.estimate(x, net.times(t).unsqueeze(1), net.condition(z)); };
  CHECK(at::allclose(estimate(), trained, 1e-4, 1e-5));
  kernels::pack_for_inference(*head);
  CHECK(at::allclose(estimate(), trained, 1e-4, 1e-5));
}

TEST_CASE("known tokens guide the others, and a guidance scale of 1 is none") {
  const auto head = random_head();
  const nn::DiffusionSchedule schedule(6);
  const auto z = at::randn({2, 9, 6}), noise = at::randn({7, 1, 9, 3});
  const nn::DiffusionRandomInputs random{[&] { return noise[6]; },
                                         [&](int64_t index) { return noise[index]; }};
  const auto with = z.narrow(0, 0, 1);
  const auto plain = head->sample(with, schedule, {}, random);
  // Twice the same condition: guidance of any scale changes nothing.
  CHECK(at::allclose(head->sample(at::cat({with, with}), schedule, {.cfg = 3.0}, random), plain, 1e-3, 1e-4));
  CHECK_FALSE(at::allclose(head->sample(z, schedule, {.cfg = 3.0}, random), plain, 1e-3, 1e-3));
  const nn::KnownGrid nothing{at::zeros({1, 9, 3}), at::zeros({1, 9}, at::kBool)};
  CHECK(at::equal(head->sample(with, schedule, {}, random, &nothing), plain));
  const nn::KnownGrid half{at::ones({1, 9, 3}), at::arange(9).lt(4).unsqueeze(0)};
  // The samples of a random network are large, and the others' influence small beside them.
  CHECK_FALSE(at::equal(head->sample(with, schedule, {}, random, &half)[0][8], plain[0][8]));
}

TEST_CASE("along the flow a grid is denoised without noise, by one estimate a step or by two") {
  const auto head = random_head();
  const auto z = at::randn({2, 9, 6}), noise = at::randn({2, 9, 3});
  const auto sample = [&](nn::DiffusionSolver solver, int64_t steps) {
    return head->sample(z, nn::DiffusionSchedule(steps), {.clip = 2.0, .solver = solver},
                        {[&] { return noise; }});
  };
  const auto end = sample(nn::DiffusionSolver::ddim, 1000);
  const auto error = [&](nn::DiffusionSolver solver) {
    return (sample(solver, 40) - end).norm().item<double>();
  };
  const double by_one = error(nn::DiffusionSolver::ddim), by_two = error(nn::DiffusionSolver::dpmpp_2m);
  CHECK(by_one < 0.5 * end.norm().item<double>());
  CHECK(by_two < by_one);
}

TEST_CASE("a variance that is fixed and large is beta's, at the first step the posterior's at the second") {
  const nn::DiffusionSchedule schedule(10);
  CHECK(schedule.fixed_large_log_variance(0) == schedule.posterior_log_variance_clipped[1]);
  CHECK(schedule.fixed_large_log_variance(7) == schedule.log_betas[7]);
}
