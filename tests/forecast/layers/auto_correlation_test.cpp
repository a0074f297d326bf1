#include "forecast/layers/auto_correlation.h"

#include "kernels/lag_scores.h"
#include "runtime/autocast.h"
#include "support/forecasters.h"
#include "support/test.h"

using namespace arzoo;
using forecast::AutoCorrelation;

namespace {

/// Equation 5 as it is written: one inverse transform a channel, then the mean. q, k: [B, L, W].
at::Tensor literal_scores(const at::Tensor& q, const at::Tensor& k) {
  const int64_t length = q.size(1);
  const auto product = at::fft_rfft(q, length, 1) * at::fft_rfft(k, length, 1).conj();
  return at::fft_irfft(product, length, 1).mean(2);
}

/// Section 3.2 as it is written, one gathered copy a delay. q, k, v: [B, L, H, E] of equal lengths.
at::Tensor literal_correlation(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t count,
                               bool shared) {
  const int64_t length = q.size(1);
  const auto scores = literal_scores(q.flatten(2), k.flatten(2));
  auto delays = std::get<1>((shared ? scores.mean(0, true) : scores).topk(count, 1));
  if (shared) delays = delays.expand({q.size(0), -1});
  const auto weights = at::softmax(scores.gather(1, delays), 1);
  const auto twice = at::cat({v, v}, 1);
  auto out = at::zeros_like(v);
  for (int64_t i = 0; i < count; ++i) {
    const auto row =
        at::arange(length).view({1, -1, 1, 1}) + delays.narrow(1, i, 1).unsqueeze(2).unsqueeze(3);
    out = out + twice.gather(1, row.expand(v.sizes())) * weights.narrow(1, i, 1).unsqueeze(2).unsqueeze(3);
  }
  return out;
}

at::Tensor padded(const at::Tensor& x, int64_t length) {
  return x.size(1) >= length ? x.narrow(1, 0, length)
                             : at::constant_pad_nd(x, {0, 0, 0, 0, 0, length - x.size(1)});
}

struct CorrelationCase {
  at::Tensor q, k, v;
};

CorrelationCase correlation_case(int64_t length, int64_t there) {
  torch::manual_seed(length + there);
  return {at::randn({3, length, 2, 9}).requires_grad_(), at::randn({3, there, 2, 9}).requires_grad_(),
          at::randn({3, there, 2, 9}).requires_grad_()};
}

}  // namespace

TEST_CASE("lag scores equal equation 5 either way, at odd and even lengths, with more and fewer keys") {
  const auto [length, there] = GENERATE(table<int64_t, int64_t>(
      {{36, 36}, {55, 55}, {55, 36}, {29, 48}, {1, 1}, {2, 5}, {kernels::kLongestGram + 1, 200}}));
  const auto c = correlation_case(length, there);
  const auto q = c.q.flatten(2), k = c.k.flatten(2);
  const auto expected = literal_scores(q, padded(c.k, length).flatten(2));
  CHECK(at::allclose(kernels::lag_scores_by_gram(q, k), expected, 1e-4, 2e-5));
  CHECK(at::allclose(kernels::lag_scores_by_spectrum(q, k), expected, 1e-4, 2e-5));
  CHECK(at::allclose(kernels::lag_scores(q, k), expected, 1e-4, 2e-5));
}

TEST_CASE("lag scores are fp32 under autocast") {
  const auto c = correlation_case(24, 24);
  const auto plain = kernels::lag_scores(c.q.flatten(2), c.k.flatten(2));
  const runtime::Autocast autocast(at::kCPU, at::kBFloat16);
  const auto under = kernels::lag_scores(c.q.flatten(2), c.k.flatten(2));
  CHECK(at::equal(plain, under));
}

TEST_CASE("auto-correlation and its gradients equal the formula, in training and in evaluation") {
  const auto [length, there] = GENERATE(table<int64_t, int64_t>({{36, 36}, {55, 36}, {29, 48}, {350, 350}}));
  const bool training = GENERATE(true, false);
  const auto c = correlation_case(length, there);
  AutoCorrelation layer(2, "test");
  layer.train(training);
  const auto count = static_cast<int64_t>(2 * std::log(double(length)));
  const auto ours = layer.forward(c.q, c.k, c.v, {});
  const auto theirs = literal_correlation(c.q, padded(c.k, length), padded(c.v, length), count, training);
  CHECK(at::allclose(ours, theirs, 1e-4, 1e-5));
  test::check_same_gradients(ours, theirs, {c.q, c.k, c.v});
  const c10::InferenceMode inference;
  CHECK(at::allclose(layer.forward(c.q, c.k, c.v, {}), theirs, 1e-4, 1e-5));
}

TEST_CASE("the lag found in a periodic series is its period") {
  const auto wave = at::sin(at::arange(96, at::kFloat) * (2 * 3.14159265358979 / 24)).view({1, 96, 1, 1});
  AutoCorrelation layer(1, "test");
  layer.eval();
  runtime::Trace trace;
  layer.forward(wave, wave, wave, {&trace});
  REQUIRE(trace.size() == 1);
  CHECK(trace[0].first == "delays.test.inner_correlation");
  const auto delays = trace[0].second.flatten();
  for (int64_t i = 0; i < delays.numel(); ++i) CHECK(delays[i].item<int64_t>() % 24 == 0);
}

TEST_CASE("in training the batch shares its lags, in evaluation each series has its own") {
  const auto c = correlation_case(40, 40);
  AutoCorrelation layer(1, "test");
  for (const bool training : {true, false}) {
    layer.train(training);
    runtime::Trace trace;
    layer.forward(c.q, c.k, c.v, {&trace});
    CHECK(trace[0].second.dim() == (training ? 1 : 2));
  }
  const c10::InferenceMode inference;
  const auto together = layer.forward(c.q, c.k, c.v, {});
  const auto alone = layer.forward(c.q.narrow(0, 1, 1), c.k.narrow(0, 1, 1), c.v.narrow(0, 1, 1), {});
  CHECK(at::allclose(together.narrow(0, 1, 1), alone, 1e-5, 1e-6));
}

TEST_CASE("a series too short for a lag is mixed from nothing, more lags than steps are all of them") {
  AutoCorrelation layer(1, "test"), greedy(100, "test");
  const auto one = at::randn({2, 1, 1, 4}), three = at::randn({2, 3, 1, 4});
  CHECK(at::equal(layer.forward(one, one, one, {}), at::zeros_like(one)));
  CHECK(greedy.forward(three, three, three, {}).isfinite().all().item<bool>());
}
