#include "image/latent_tokens.h"
#include "image/mar_sampling.h"
#include "kernels/packed_weights.h"
#include "support/tensors.h"
#include "support/tiny_latents.h"

using namespace arzoo;
using image::Mar;
using test::classes;

namespace {

nn::MaskedSampling few_steps() {
  nn::MaskedSampling sampling;
  sampling.num_iter = 4;
  sampling.num_sampling_steps = 5;
  sampling.cfg = 2.0;
  return sampling;
}

}  // namespace

TEST_CASE("a class fills every slot of the buffer, no class is the learned row") {
  const auto mar = test::tiny_model<Mar>(test::tiny_mar_options());
  const auto rows = mar->condition(classes({2, 5}));
  CHECK(rows.sizes() == at::IntArrayRef({2, 3, 16}));
  CHECK(at::equal(rows[0], rows[0][0].expand({3, 16})));
  CHECK(at::equal(rows[1], mar->no_condition(1)[0]));
  CHECK_THROWS_AS(mar->condition(classes({6})), UsageError);
  CHECK_THROWS_AS(mar->condition(classes({-1})), UsageError);
}

TEST_CASE("a mar picture depends on its seed and class, not on the batch, nor much on packing") {
  const auto mar = test::tiny_model<Mar>(test::tiny_mar_options());
  const auto together = image::sample_mar_latents(*mar, classes({1, 3, 5}), {11, 12, 13}, few_steps());
  CHECK(together.sizes() == at::IntArrayRef({3, 4, 5, 5}));
  const auto alone = image::sample_mar_latents(*mar, classes({3}), {12}, few_steps());
  const double scale = together.abs().max().item<double>();
  CHECK(at::allclose(together[1], alone[0], 1e-3, 1e-3 * scale));
  kernels::pack_for_inference(*mar);
  const auto packed = image::sample_mar_latents(*mar, classes({3}), {12}, few_steps());
  CHECK(at::allclose(packed, alone, 1e-3, 1e-3 * scale));
}

TEST_CASE("given latents stay, a watcher hears of every step") {
  const auto mar = test::tiny_model<Mar>(test::tiny_mar_options());
  torch::manual_seed(2);
  image::KnownLatents known{at::randn({1, 25, 4}), at::arange(25).lt(20)};
  int64_t steps = 0;
  const auto latents =
      image::sample_mar_latents(*mar, classes({0, 4}), {1, 2}, few_steps(), &known,
                                [&](int64_t step, const at::Tensor&) { CHECK(step == steps++); });
  CHECK(steps == 4);
  const auto tokens = image::patchified(latents, 1);
  CHECK(at::equal(tokens.narrow(1, 0, 20), known.tokens.narrow(1, 0, 20).expand({2, 20, 4})));
  CHECK_FALSE(at::equal(tokens[0].narrow(0, 20, 5), known.tokens[0].narrow(0, 20, 5)));
}

TEST_CASE("what was asked for goes before the folder's, and that before the published settings") {
  Json asked = Json::object(), folder = Json::object();
  CHECK(image::mar_sampling(asked, folder).num_iter == 64);
  folder["steps"] = 12;
  folder["cfg_schedule"] = "constant";
  CHECK(image::mar_sampling(asked, folder).num_iter == 12);
  CHECK_FALSE(image::mar_sampling(asked, folder).linear_cfg);
  asked["steps"] = 3;
  asked["cfg_schedule"] = "linear";
  CHECK(image::mar_sampling(asked, folder).num_iter == 3);
  CHECK(image::mar_sampling(asked, folder).linear_cfg);
}
