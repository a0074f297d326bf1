#include "image/latent_files.h"

#include "image/weight_kind.h"
#include "support/tiny_latents.h"

using namespace arzoo;
using image::FlowAr;
using image::HiMar;
using image::KlVae;
using image::Mar;

namespace {

/// What a published file of the model would hold.
runtime::NamedTensors weights_of(const torch::nn::Module& model) {
  runtime::NamedTensors weights("published");
  for (const auto& [name, tensor] : runtime::state_dict(model)) weights.add(name, tensor.clone());
  return weights;
}

runtime::NamedTensors without_tensor(const runtime::NamedTensors& weights, const std::string& left_out) {
  runtime::NamedTensors rest("published");
  for (const auto& [name, tensor] : weights) {
    if (name != left_out) rest.add(name, tensor);
  }
  return rest;
}

}  // namespace

TEST_CASE("a tokenizer's options are read from its weights, what training left beside them is passed over") {
  auto weights = weights_of(*test::tiny_model<KlVae>(test::tiny_kl_vae_options()));
  weights.add("loss.logvar", at::zeros({}));
  const auto options = image::kl_vae_options_of(weights);
  CHECK(options.embed_dim == 4);
  CHECK(options.ch == 32);
  CHECK(options.ch_mult == std::vector<int64_t>{1, 1});
  CHECK(options.num_res_blocks == 1);
  CHECK(options.latent_scale == 0.2325);
  CHECK_NOTHROW(image::load_kl_vae(options, weights));
}

TEST_CASE("a mar's options are read from its weights, heads 64 wide, latents of the published tokenizer") {
  auto wanted = test::tiny_mar_options();
  wanted.vae = {};
  wanted.img_size = 96;
  wanted.patch_size = 2;
  wanted.encoder_embed_dim = 128;
  wanted.decoder_embed_dim = 64;
  wanted.decoder_num_heads = 1;
  const auto weights = weights_of(*test::tiny_model<Mar>(wanted));
  CHECK(image::kind_of_weights(weights.names()) == image::WeightKind::mar);
  auto options = image::mar_options_of(weights);
  // What leaves no trace.
  options.diffusion_batch_mul = wanted.diffusion_batch_mul;
  options.attn_dropout = options.proj_dropout = 0.0;
  CHECK(to_json(options) == to_json(wanted));
  CHECK_NOTHROW(image::load_mar(options, weights));
}

TEST_CASE("a himar's options are read from its weights: pivots and dense tokens from its tables") {
  auto wanted = test::tiny_himar_options();
  wanted.vae = {};
  wanted.vae.embed_dim = 4;
  wanted.img_size = 80;
  wanted.encoder_embed_dim = wanted.decoder_embed_dim = 128;
  wanted.gdm_w = 64;
  wanted.head = 1;
  const auto weights = weights_of(*test::tiny_model<HiMar>(wanted));
  CHECK(image::kind_of_weights(weights.names()) == image::WeightKind::himar);
  auto options = image::himar_options_of(weights);
  // What leaves no trace.
  options.diffusion_batch_mul = wanted.diffusion_batch_mul;
  options.attn_dropout = options.proj_dropout = 0.0;
  CHECK(to_json(options) == to_json(wanted));
  CHECK_NOTHROW(image::load_himar(options, weights));
  CHECK_THROWS_WITH(image::mar_options_of(weights), ContainsSubstring("a Hi-MAR"));
  auto spoilt = without_tensor(weights, "cond_tokens");
  spoilt.add("cond_tokens", at::zeros({1, 7, 4}));
  CHECK_THROWS_WITH(image::himar_options_of(spoilt), ContainsSubstring("cond_tokens has 7 tokens"));
}

TEST_CASE("a flowar's options are read from its weights, scales from its mask, heads from its angles") {
  auto wanted = test::tiny_flowar_options(GENERATE(false, true));
  const auto weights = weights_of(*test::tiny_model<FlowAr>(wanted));
  CHECK(image::kind_of_weights(weights.names()) == image::WeightKind::flowar);
  auto options = image::flowar_options_of(weights);
  options.attn_dropout = options.proj_dropout = 0.0;
  options.vae = wanted.vae;
  CHECK(to_json(options) == to_json(wanted));
  CHECK_NOTHROW(image::load_flowar(options, weights));
}

TEST_CASE("weights that are broken or of something else are refused by name") {
  const auto weights = weights_of(*test::tiny_model<FlowAr>(test::tiny_flowar_options()));
  CHECK_THROWS_AS(image::mar_options_of(weights), CheckpointError);
  CHECK_THROWS_AS(image::kl_vae_options_of(weights), CheckpointError);
  CHECK(image::kind_of_weights({}) == image::WeightKind::unknown);
  CHECK_THROWS_WITH(image::flowar_options_of(without_tensor(weights, "mask")), ContainsSubstring("mask"));
  auto spoilt = without_tensor(weights, "mask");
  spoilt.add("mask", at::zeros({1, 1, 30, 30}));
  CHECK_THROWS_WITH(image::flowar_options_of(spoilt), ContainsSubstring("has 30 tokens, expected a square"));
  const auto name = "flownet.res_blocks.1.mlp.fc2.bias";
  CHECK_THROWS_WITH(image::load_flowar(test::tiny_flowar_options(), without_tensor(weights, name)),
                    ContainsSubstring(name));
}
