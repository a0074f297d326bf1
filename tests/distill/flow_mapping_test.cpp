#include "distill/flow_mapping.h"

#include <torch/torch.h>

#include "image/residual_quantizer.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::distill;

namespace {

/// Five codes of width 3 and the log-probabilities of four tokens.
struct Mixture {
  Mixture() {
    torch::manual_seed(3);
    codebook = at::randn({5, 3});
    logits = at::randn({4, 5}) * 2.0;
    x = at::randn({4, 3});
    t = at::tensor({0.1F, 0.4F, 0.7F, 1.0F}).unsqueeze(1);
  }
  at::Tensor codebook, logits, x, t;
};

}  // namespace

TEST_CASE("at t = 1 noise says nothing, close to 0 the nearest code is sure") {
  const Mixture m;
  const auto ones = at::ones({4, 1});
  CHECK(at::allclose(posterior_weights(m.logits, m.x, ones, m.codebook), at::softmax(m.logits, -1), 1e-5,
                     1e-6));
  const auto at_code =
      m.codebook.index_select(0, at::tensor({int64_t{2}, int64_t{0}, int64_t{4}, int64_t{1}}));
  const auto sure = posterior_weights(m.logits, at_code, at::full({4, 1}, 0.01), m.codebook);
  CHECK(at::equal(sure.argmax(-1), at::tensor({int64_t{2}, int64_t{0}, int64_t{4}, int64_t{1}})));
  CHECK(sure.amax().item<double>() > 0.999);
}

TEST_CASE("velocity and score are two forms of one thing, and the score is the gradient of the log-density") {
  const Mixture m;
  auto x = m.x.to(at::kDouble).requires_grad_();
  const auto logits = m.logits.to(at::kDouble), codebook = m.codebook.to(at::kDouble),
             t = m.t.to(at::kDouble);
  const auto mean = posterior_mean(logits, x, t, codebook);
  const auto score = conditional_score(x, mean, t);
  CHECK(at::allclose(score, score_of_velocity(x, flow_velocity(x, mean, t), t), 1e-9, 1e-9));
  const auto apart = (x.unsqueeze(1) - (1.0 - t).unsqueeze(1) * codebook.unsqueeze(0)).square().sum(-1);
  const auto density = at::logsumexp(at::log_softmax(logits, -1) - apart / (2.0 * t.square()), {1}).sum();
  const auto gradient = torch::autograd::grad({density}, {x}).front();
  CHECK(at::allclose(score, gradient, 1e-9, 1e-9));
}

TEST_CASE("an excluded code is never reached") {
  Mixture m;
  m.logits.select(1, 3).fill_(-std::numeric_limits<float>::infinity());
  const auto noise = at::randn({4, 3});
  const auto end = flow_end(m.logits, noise, m.codebook, 20);
  CHECK(end.isfinite().all().item<bool>());
  CHECK_FALSE(image::nearest_codes(end, m.codebook).eq(3).any().item<bool>());
  CHECK(posterior_weights(m.logits, m.x, m.t, m.codebook).select(1, 3).abs().max().item<double>() == 0.0);
}

TEST_CASE("the flow leads to each token as often as the teacher samples it") {
  torch::manual_seed(8);
  const auto codebook = at::randn({4, 6});
  const auto shares = at::tensor({0.1F, 0.2F, 0.3F, 0.4F});
  constexpr int64_t kCount = 4000;
  const auto logits = shares.log().expand({kCount, 4});
  const auto end = flow_end(logits, at::randn({kCount, 6}), codebook, 40);
  const auto counts = at::bincount(image::nearest_codes(end, codebook), {}, 4).to(at::kFloat) / kCount;
  CHECK(at::allclose(counts, shares, 0.0, 0.04));
}

TEST_CASE("one step leads to the mean, and the last step lands on the mean before it") {
  const Mixture m;
  CHECK(at::allclose(flow_end(m.logits, m.x, m.codebook, 1),
                     at::matmul(at::softmax(m.logits, -1), m.codebook), 1e-5, 1e-6));
  at::Tensor before;
  const auto end = flow_end(m.logits, m.x, m.codebook, 4, [&](int64_t step, const at::Tensor& x) {
    if (step == 2) before = x;
  });
  CHECK(at::allclose(end, posterior_mean(m.logits, before, at::full({1}, 0.25), m.codebook), 1e-5, 1e-6));
}
