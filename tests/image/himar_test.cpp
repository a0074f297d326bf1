#include "image/himar_sampling.h"
#include "image/latent_tokens.h"
#include "kernels/packed_weights.h"
#include "support/tensors.h"
#include "support/tiny_latents.h"

using namespace arzoo;
using image::HiMar;
using test::classes;

namespace {

image::HiMarSampling few_himar_steps() {
  image::HiMarSampling sampling;
  sampling.pivot_steps = 4;
  sampling.steps = 3;
  sampling.pivot_sampling_steps = sampling.sampling_steps = 5;
  sampling.pivot_cfg = 1.5;
  sampling.cfg = 2.0;
  return sampling;
}

}  // namespace

TEST_CASE("at the official start a task changes nothing, and afterwards each task differently") {
  torch::manual_seed(1);
  HiMar model(test::tiny_himar_options());
  model.initialise();
  model.eval();
  const torch::NoGradGuard no_grad;
  const auto x = at::randn({2, 6, 16});
  const auto first = model.encoder().forward(x.clone(), 0, at::kFloat);
  CHECK(at::allclose(first, model.encoder().forward(x.clone(), 1, at::kFloat)));
  for (auto& parameter : model.parameters()) parameter.add_(at::randn_like(parameter), 0.1);
  CHECK_FALSE(at::allclose(model.encoder().forward(x.clone(), 0, at::kFloat),
                           model.encoder().forward(x.clone(), 1, at::kFloat), 1e-2, 1e-2));
}

TEST_CASE("blocks of tasks give the same in training and in inference, prepared or not") {
  const auto model = test::tiny_model<HiMar>(test::tiny_himar_options());
  torch::manual_seed(3);
  const auto x = at::randn({2, 7, 16});
  const auto wanted = at::tensor({6, 0, 3, 5}, at::kLong).view({2, 2});
  for (const int64_t task : {0, 1}) {
    const auto trained = model->decoder().forward(x, task, at::kFloat, wanted);
    const torch::NoGradGuard no_grad;
    CHECK(at::allclose(model->decoder().forward(x.clone(), task, at::kFloat, wanted), trained, 1e-4, 1e-4));
  }
  const torch::NoGradGuard no_grad;
  const auto before = model->decoder().forward(x.clone(), 1, at::kFloat);
  model->prepare();
  CHECK(at::equal(model->decoder().forward(x.clone(), 1, at::kFloat), before));
}

TEST_CASE("a himar picture depends on its seed and class, not on the batch, nor much on packing") {
  const auto model = test::tiny_model<HiMar>(test::tiny_himar_options());
  const auto together =
      image::sample_himar_latents(*model, classes({1, 3, 5}), {11, 12, 13}, few_himar_steps());
  CHECK(together.dense.sizes() == at::IntArrayRef({3, 4, 5, 5}));
  CHECK(together.pivots.sizes() == at::IntArrayRef({3, 4, 3, 3}));
  const auto alone = image::sample_himar_latents(*model, classes({3}), {12}, few_himar_steps());
  const double scale = together.dense.abs().max().item<double>();
  CHECK(at::allclose(together.dense[1], alone.dense[0], 1e-3, 1e-3 * scale));
  CHECK_FALSE(at::allclose(together.dense[0], together.dense[1], 1e-2, 1e-2 * scale));
  kernels::pack_for_inference(*model);
  model->prepare();
  const auto packed = image::sample_himar_latents(*model, classes({3}), {12}, few_himar_steps());
  CHECK(at::allclose(packed.dense, alone.dense, 1e-3, 1e-3 * scale));
}

TEST_CASE("more steps than there are pivots are steps that sample nothing") {
  auto options = test::tiny_himar_options();
  options.cond_scale = 1;
  const auto model = test::tiny_model<HiMar>(options);
  auto sampling = image::himar_sampling({}, Json{{"denoising_steps", 3}, {"pivot_denoising_steps", 3}}, 1);
  CHECK(sampling.pivot_steps == 4);
  CHECK(sampling.steps == 4);
  int64_t heard = 0;
  const auto latents =
      image::sample_himar_latents(*model, classes({0}), {1}, sampling, nullptr,
                                  [&](int64_t step, const at::Tensor&) { CHECK(step == heard++); });
  CHECK(heard == 8);
  CHECK(latents.pivots.ne(0.0).all().item<bool>());
}

TEST_CASE("given latents of both resolutions stay") {
  const auto model = test::tiny_model<HiMar>(test::tiny_himar_options());
  torch::manual_seed(2);
  const image::KnownHiMarLatents known{{at::randn({1, 9, 4}), at::arange(9).lt(5)},
                                       {at::randn({1, 25, 4}), at::arange(25).lt(20)}};
  const auto latents =
      image::sample_himar_latents(*model, classes({0, 4}), {1, 2}, few_himar_steps(), &known);
  const auto pivots = image::tokens_of_grid(latents.pivots), tokens = image::tokens_of_grid(latents.dense);
  const auto& given = known.dense.tokens;
  CHECK(at::equal(pivots.narrow(1, 0, 5), known.pivots.tokens.narrow(1, 0, 5).expand({2, 5, 4})));
  CHECK(at::equal(tokens.narrow(1, 0, 20), given.narrow(1, 0, 20).expand({2, 20, 4})));
  CHECK_FALSE(at::equal(tokens[0].narrow(0, 20, 5), given[0].narrow(0, 20, 5)));
}

TEST_CASE("the second phase sees of the pivots what pivots_as says") {
  torch::manual_seed(4);
  const auto z = at::randn({2, 4, 16}), pivots = at::randn({2, 9, 4});
  const auto index = at::tensor({0, 3, 4, 8, 1, 2, 5, 7}, at::kLong).view({2, 4});
  const auto rows_of = [&](const std::string& pivots_as, const at::Tensor& conditions) {
    auto options = test::tiny_himar_options();
    options.pivots_as = pivots_as;
    const auto model = test::tiny_model<HiMar>(options);
    const torch::NoGradGuard no_grad;
    if (pivots_as == "tokens")
      CHECK(at::equal(model->seen_rows(conditions, index, pivots), model->pivot_rows(pivots)));
    return model->seen_rows(conditions, index, pivots);
  };
  CHECK_FALSE(at::equal(rows_of("conditions", z), rows_of("conditions", z * 2)));
  CHECK(at::equal(rows_of("tokens", z), rows_of("tokens", z * 2)));
  CHECK(at::equal(rows_of("none", z), rows_of("none", z * 2)));
  CHECK(rows_of("none", z).sizes() == at::IntArrayRef({2, 9, 16}));
}

TEST_CASE("options that do not go together are refused by name") {
  const auto refuses = [](const Json& changes, const std::string& message) {
    auto json = to_json(test::tiny_himar_options());
    json.merge_patch(changes);
    CHECK_THROWS_WITH(Config(json, "config").as<image::HiMarOptions>(), ContainsSubstring(message));
  };
  refuses({{"patch_size", 2}}, "patch_size must be 1");
  refuses({{"decoder_embed_dim", 32}}, "must be equal: both use mask_token");
  refuses({{"cond_scale", 6}}, "cond_scale (6) must not exceed the 5 dense tokens");
  refuses({{"gdm_w", 26}}, "gdm_w (26) must be a multiple of 4");
  refuses({{"head", 5}}, "must be a multiple of head (5)");
}
