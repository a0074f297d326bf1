#include "distill/flowar_student.h"

#include <torch/torch.h>

#include "support/tiny_latents.h"

using namespace arzoo;
using namespace arzoo::distill;

namespace {

/// A network of scales of 1, 4 and 25 tokens, classes, and noise.
struct TinyFlow {
  explicit TinyFlow(bool cross = false)
      : network(test::tiny_model<FlowArDiffusion>(test::tiny_flowar_options(cross))),
        labels(at::tensor({int64_t{1}, int64_t{4}})),
        tokens(at::randn({2, 30, network->options().vae.embed_dim})) {}

  std::shared_ptr<FlowArDiffusion> network;
  at::Tensor labels, tokens;
};

}  // namespace

TEST_CASE("a scale's state knows nothing of it nor of those after it") {
  TinyFlow tiny;
  const torch::NoGradGuard no_grad;
  const auto before = tiny.network->states(tiny.labels, tiny.tokens);
  auto other = tiny.tokens.clone();
  other.narrow(1, 1, 4).add_(1.0);  // the second scale
  const auto after = tiny.network->states(tiny.labels, other);
  CHECK(at::equal(before.narrow(1, 0, 5), after.narrow(1, 0, 5)));
  CHECK_FALSE(at::allclose(before.narrow(1, 5, 25), after.narrow(1, 5, 25)));
}

TEST_CASE("states and velocities in inference are those of training") {
  TinyFlow tiny(GENERATE(false, true));
  auto t = at::rand({2, 3, 1}).repeat_interleave(at::tensor({int64_t{1}, int64_t{4}, int64_t{25}}), 1);
  const auto states = tiny.network->states(tiny.labels, tiny.tokens).detach();
  const auto velocity = tiny.network->velocity(tiny.tokens, t, states).detach();
  const torch::NoGradGuard no_grad;
  CHECK(at::allclose(tiny.network->states(tiny.labels, tiny.tokens), states, 1e-4, 1e-5));
  CHECK(at::allclose(tiny.network->velocity(tiny.tokens, t, states), velocity, 1e-4, 1e-5));
  // The last scales alone.
  const auto last = [](const at::Tensor& x) { return x.narrow(1, 5, 25); };
  CHECK(at::allclose(tiny.network->velocity(last(tiny.tokens), last(t), last(states)), last(velocity), 1e-4,
                     1e-5));
}

TEST_CASE("a second step keeps the coarse scales and generates the others after them") {
  const auto options = test::tiny_flowar_options();
  const auto vae = test::tiny_model<image::KlVae>(options.vae);
  FlowArStudent student(options, /*second_step=*/2, *vae, /*with_guidance=*/false);
  student.generator().start_from(*test::tiny_model<image::FlowAr>(options));
  student.module().eval();
  CHECK(student.shape().count == 30);
  CHECK(student.kept_tokens() == 5);
  const auto labels = at::tensor({int64_t{0}, int64_t{3}});
  const auto noise = student.noise({7, 8});
  nn::SeededRandomInputs random_inputs({7, 8});
  const auto one = student.sample(labels, noise, 1, random_inputs),
             two = student.sample(labels, noise, 2, random_inputs);
  CHECK(at::equal(one.narrow(1, 0, 5), two.narrow(1, 0, 5)));
  CHECK_FALSE(at::allclose(one.narrow(1, 5, 25), two.narrow(1, 5, 25)));
  CHECK(student.pictures(student.latents(two)).size(-1) == student.pixels());
  // Pictures do not depend on those beside them.
  CHECK(at::allclose(student.sample(labels.narrow(0, 1, 1), student.noise({8}), 1, random_inputs),
                     one.narrow(0, 1, 1), 1e-4, 1e-5));
}
