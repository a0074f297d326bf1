#include "distill/score_losses.h"

#include <torch/torch.h>

#include "distill/flow_mapping.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::distill;

namespace {

image::LlamaGenOptions tiny_options() {
  image::LlamaGenOptions options;
  options.dim = 16;
  options.n_layer = 1;
  options.n_head = 2;
  options.vocab_size = 6;
  options.block_size = 4;
  options.num_classes = 3;
  options.vae.codebook_embed_dim = 2;
  options.multiple_of = 8;
  return without_dropout(options);
}

/// A network and the inputs of its losses, all random.
struct Scene {
  Scene() : network(tiny_options(), {16, 1}) {
    torch::manual_seed(5);
    const torch::NoGradGuard no_grad;
    for (auto& parameter : network.parameters()) parameter.normal_(0.0, 0.3);
    codebook = at::randn({6, 2});
    labels = at::tensor({int64_t{0}, int64_t{2}, int64_t{1}});
    q = at::randn({3, 4, 2});
    logits = at::randn({3, 4, 6});
    random_inputs = {at::rand({3, 4, 1}) * 0.9 + 0.05, at::randn({3, 4, 2})};
  }
  CsdTerms csd(const at::Tensor& at_q, double alpha = 1.0, int64_t first = 0) {
    return csd_loss(network, labels, at_q, closed_form_mean(logits, codebook), random_inputs, alpha, first);
  }
  LlamaGenDiffusion network;
  at::Tensor codebook, labels, q, logits;
  ScoreRandomInputs random_inputs;
};

}  // namespace

TEST_CASE("a token's state knows nothing of it nor of those after it") {
  Scene scene;
  const torch::NoGradGuard no_grad;
  const auto before = scene.network.states(scene.labels, scene.q);
  auto other = scene.q.clone();
  other.select(1, 2).add_(1.0);
  const auto after = scene.network.states(scene.labels, other);
  CHECK(at::equal(before.narrow(1, 0, 3), after.narrow(1, 0, 3)));
  CHECK_FALSE(at::allclose(before.select(1, 3), after.select(1, 3)));
}

TEST_CASE("the velocity in inference is that of training") {
  Scene scene;
  const auto states = scene.network.states(scene.labels, scene.q).detach();
  const auto training = scene.network.velocity(scene.q, scene.random_inputs.t, states).detach();
  const torch::NoGradGuard no_grad;
  CHECK(at::allclose(scene.network.velocity(scene.q, scene.random_inputs.t, states), training, 1e-4, 1e-5));
}

TEST_CASE("a generator gives each token in one step, and leaves given ones alone") {
  Scene scene;
  const torch::NoGradGuard no_grad;
  const auto whole = scene.network.generate(scene.labels, scene.q);
  const auto rest = scene.network.generate(scene.labels, scene.q, 2);
  CHECK(at::equal(rest.narrow(1, 0, 2), scene.q.narrow(1, 0, 2)));
  CHECK(at::allclose(rest.narrow(1, 2, 2), whole.narrow(1, 2, 2), 1e-5, 1e-6));
}

TEST_CASE("the CSD loss moves the generated tokens and no network") {
  Scene scene;
  const auto terms = scene.csd(scene.q);
  CHECK(terms.gradient.abs().min().item<double>() > 0.0);
  for (const auto& parameter : scene.network.parameters()) CHECK_FALSE(parameter.grad().defined());
  auto q = scene.q.clone().requires_grad_();
  const auto loss = with_gradient(terms.loss, q, terms.gradient);
  CHECK(loss.item<double>() == Approx(terms.loss.item<double>()));
  loss.backward();
  CHECK(at::equal(q.grad(), terms.gradient));
}

TEST_CASE("where both denoisers agree there is nothing to learn") {
  Scene scene;
  const auto terms = scene.csd(scene.q, 1.0);
  // In the form of SiD the loss is (real - fake) times something: its parts are the two means.
  const auto apart = (terms.real - terms.fake).detach();
  const auto expected = apart * ((terms.real - scene.q) - apart) / terms.weight.unsqueeze(-1);
  CHECK(terms.loss.item<double>() == Approx(expected.sum().item<double>() / 3.0).epsilon(1e-4));
}

TEST_CASE("tokens that are given take no part in the losses of those after them") {
  Scene scene;
  const auto terms = scene.csd(scene.q, 1.0, 2);
  CHECK(terms.real.size(1) == 2);
  CHECK(terms.gradient.sizes() == scene.q.sizes());
  CHECK(terms.gradient.narrow(1, 0, 2).abs().max().item<double>() == 0.0);
  CHECK(terms.gradient.narrow(1, 2, 2).abs().max().item<double>() > 0.0);
  const auto fake = fcs_loss(scene.network, scene.labels, scene.q, scene.random_inputs, 3);
  CHECK(fake.velocity.size(1) == 1);
}

TEST_CASE("the ground truth score loss is zero for the teacher's own velocity") {
  Scene scene;
  const auto terms = gts_loss(scene.network, scene.labels, scene.q,
                              closed_form_mean(scene.logits, scene.codebook), scene.random_inputs);
  const auto mean = posterior_mean(scene.logits, terms.q_t, scene.random_inputs.t, scene.codebook);
  CHECK(at::allclose(terms.teacher_velocity, flow_velocity(terms.q_t, mean, scene.random_inputs.t)));
  CHECK(terms.loss.item<double>() ==
        Approx((terms.velocity - terms.teacher_velocity).square().sum().item<double>() / 3.0));
}
