#include "forecast/data/window_scale.h"

#include "support/one_thread.h"
#include "support/test.h"

using namespace arzoo;
using forecast::ForecastBatch;

namespace {

ForecastBatch random_batch(int64_t windows) {
  torch::manual_seed(2);
  ForecastBatch batch;
  batch.x_enc = at::randn({windows, 30, 1}) * 4 + 10;
  batch.x_dec = at::zeros({windows, 5, 1});
  batch.target = at::randn({windows, 5, 1}) * 4 + 10;
  return batch;
}

}  // namespace

TEST_CASE("scaled windows have a mean of 0 and a standard deviation of 1, and can be scaled back") {
  auto batch = random_batch(3);
  const auto target = batch.target.clone();
  const auto stats = forecast::scale_windows(batch, true);
  CHECK(at::allclose(batch.x_enc.mean(1), at::zeros({3, 1}), 0, 1e-5));
  CHECK(at::allclose(batch.x_enc.std(1), at::ones({3, 1}), 1e-5));
  CHECK(at::allclose(forecast::denormalise(batch.target, stats), target, 1e-4));
}

TEST_CASE("a constant history keeps its scale, and windows that are not to be scaled stay as they are") {
  auto batch = random_batch(2);
  batch.x_enc.fill_(7);
  batch.target.fill_(9);
  CHECK_FALSE(forecast::scale_windows(batch, false).mean.defined());
  CHECK(batch.target[0][0].item<float>() == 9.0F);
  forecast::scale_windows(batch, true);
  CHECK(batch.target[0][0].item<float>() == 2.0F);
}

TEST_CASE("mixtures are scaled windows of the batch's own span, other ones for another generator") {
  auto one = random_batch(6), same = random_batch(6), other = random_batch(6), plain = random_batch(6);
  for (auto* batch : {&one, &same, &other, &plain}) forecast::scale_windows(*batch, true);
  forecast::mix_windows(one, 3, std::mt19937_64(1));
  forecast::mix_windows(same, 3, std::mt19937_64(1));
  forecast::mix_windows(other, 3, std::mt19937_64(2));
  CHECK(at::equal(one.x_enc, same.x_enc));
  CHECK_FALSE(at::allclose(one.x_enc, other.x_enc));
  CHECK(at::allclose(one.x_enc.std(1), at::ones({6, 1}), 1e-5));
  const auto whole = [](const ForecastBatch& batch) {
    return at::cat({batch.x_enc, batch.target}, 1).squeeze(-1);
  };
  // A mixture lies in the span of the windows it is made of, and of a constant.
  const auto span = at::cat({whole(plain), at::ones({1, 35})}).t();
  const auto weights = std::get<0>(at::linalg_lstsq(span, whole(one).t()));
  CHECK(at::allclose(span.matmul(weights), whole(one).t(), 1e-3, 1e-3));
}

TEST_CASE("a mixture of at most one window is the window") {
  auto batch = random_batch(3);
  const auto before = batch.x_enc.clone();
  forecast::mix_windows(batch, 1, std::mt19937_64(1));
  CHECK(at::equal(batch.x_enc, before));
}
