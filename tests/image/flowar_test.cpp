#include "core/seeded_random.h"
#include "image/flowar_sampler.h"
#include "kernels/packed_weights.h"
#include "support/tensors.h"
#include "support/tiny_latents.h"

using namespace arzoo;
using image::FlowAr;
using image::FlowSampling;
using test::classes;
using test::tiny_flowar_options;

namespace {

std::shared_ptr<FlowAr> model(bool cross = false) {
  return test::tiny_model<FlowAr>(tiny_flowar_options(cross));
}

at::Tensor sampled(const FlowAr& flowar, const at::Tensor& labels, const FlowSampling& sampling,
                   const std::vector<uint64_t>& seeds) {
  return image::sample_latents(flowar, labels, sampling, image::seeded_flow_noise(flowar, seeds, 1.0));
}

}  // namespace

TEST_CASE("scale by scale with a cache z is what teacher forcing gives at once") {
  const auto flowar = model();
  const auto latents = at::randn({2, 4, 5, 5});
  const auto targets = flowar->targets(latents);
  const auto labels = classes({1, 5});
  std::vector<at::Tensor> inputs;
  for (std::size_t k = 0; k + 1 < targets.size(); ++k) inputs.push_back(flowar->next_input(targets[k], k));
  const auto whole = flowar->forward(labels, at::cat(inputs, 1));
  const torch::NoGradGuard no_grad;
  auto generation = flowar->begin(labels);
  std::vector<at::Tensor> z;
  for (std::size_t k = 0; k < targets.size(); ++k)
    z.push_back(flowar->extend(generation, k == 0 ? at::Tensor() : inputs[k - 1]));
  CHECK(at::allclose(at::cat(z, 1), whole, 1e-4, 1e-4));
}

TEST_CASE("the flow network answers in inference as in training, in any number of steps at once") {
  const bool cross = GENERATE(false, true);
  const auto flowar = model(cross);
  const auto& net = flowar->flow();
  const auto z = at::randn({2, 4, 24}), x = at::randn({2, 4, 4});
  const auto condition = net.prepare(z, 2);
  const auto times = at::tensor({0.25, 0.875});
  const auto first = net.forward(x, times.narrow(0, 0, 1).expand({2}), condition);
  const auto second = net.forward(x, times.narrow(0, 1, 1).expand({2}), condition);
  const torch::NoGradGuard no_grad;
  const auto modulations = net.modulations(net.embedded_times(times).unsqueeze(1).unsqueeze(1), condition);
  CHECK(at::allclose(net.velocity(x, modulations.of_step(0, 2), condition), first, 1e-4, 1e-4));
  CHECK(at::allclose(net.velocity(x, modulations.of_step(1, 2), condition), second, 1e-4, 1e-4));
  const auto alone = net.velocity(x.narrow(0, 0, 1), modulations.of_step(1, 1), condition.first(1));
  CHECK(at::allclose(alone, second.narrow(0, 0, 1), 1e-4, 1e-4));
}

TEST_CASE("a scale sees itself and coarser ones alone") {
  const auto flowar = model();
  const torch::NoGradGuard no_grad;
  const auto a = at::randn({1, 29, 4});
  auto b = a.clone();
  b.narrow(1, 4, 25).normal_();  // what the last scale sees
  const auto za = flowar->forward(classes({2}), a), zb = flowar->forward(classes({2}), b);
  CHECK(at::allclose(za.narrow(1, 0, 5), zb.narrow(1, 0, 5), 1e-6, 1e-6));
  CHECK_FALSE(at::allclose(za.narrow(1, 5, 25), zb.narrow(1, 5, 25), 1e-3, 1e-3));
}

TEST_CASE("the finest target is the latent, the coarsest its mean, and a scale of one pixel looks constant") {
  const auto flowar = model();
  const auto latents = at::randn({2, 4, 5, 5});
  const auto targets = flowar->targets(latents);
  CHECK(at::equal(targets.back(), latents.flatten(2).transpose(1, 2)));
  CHECK(at::allclose(targets.front()[0][0], latents[0].mean({1, 2}), 1e-5, 1e-6));
  CHECK(at::allclose(flowar->next_input(targets[0], 0), targets[0].expand({2, 4, 4}), 1e-5, 1e-6));
}

TEST_CASE("a flowar picture depends on its seed and class, not on the batch, nor much on packing") {
  const auto flowar = model(GENERATE(false, true));
  FlowSampling sampling;
  sampling.num_steps = GENERATE(int64_t{7}, int64_t{50});
  sampling.cfg = GENERATE(1.0, 3.0);
  const auto together = sampled(*flowar, classes({1, 3, 5}), sampling, {11, 12, 13});
  const auto alone = sampled(*flowar, classes({3}), sampling, {12});
  CHECK(at::allclose(together[1], alone[0], 1e-3, 1e-3));
  CHECK_FALSE(at::allclose(together[0], together[1], 1e-1, 1e-1));
  kernels::pack_for_inference(*flowar);
  CHECK(at::allclose(sampled(*flowar, classes({3}), sampling, {12}), alone, 1e-3, 1e-3));
}

TEST_CASE("solvers of second order come nearer to the flow than Euler with as many steps") {
  const auto flowar = model();
  // Random weights make of time what no solver could follow.
  for (const auto& parameter : flowar->named_parameters()) {
    const torch::NoGradGuard no_grad;
    if (parameter.key() == "flownet.time_embed.mlp.2.weight") at::Tensor(parameter.value()).zero_();
  }
  FlowSampling sampling;
  sampling.cfg = 1.0;
  const auto with = [&](const char* solver, int64_t steps) {
    sampling.solver = solver;
    sampling.num_steps = steps;
    return sampled(*flowar, classes({1}), sampling, {5});
  };
  const auto exact = with("heun", 400);
  const auto distance = [&](const at::Tensor& latents) { return (latents - exact).norm().item<double>(); };
  const double euler = distance(with("euler", 24));
  CHECK(distance(with("heun", 24)) < 0.5 * euler);
  CHECK(distance(with("midpoint", 24)) < 0.5 * euler);
  CHECK(distance(with("adams", 24)) < 0.5 * euler);
}

TEST_CASE("time is told in thousandths, cut off in single precision") {
  CHECK(at::equal(image::time_steps(at::tensor({1.0, 0.0, 0.68090909, 0.5599}, at::kDouble)),
                  at::tensor({1000.0F, 0.0F, 680.0F, 559.0F})));
}

TEST_CASE("classes that are none are refused") {
  const auto flowar = model();
  CHECK_THROWS_AS(flowar->begin(classes({6})), UsageError);
  CHECK_THROWS_AS(flowar->begin(classes({-1})), UsageError);
}
