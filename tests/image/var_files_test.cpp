#include "image/var_files.h"

#include "runtime/safetensors.h"
#include "support/tiny_var.h"

using namespace arzoo;
using runtime::NamedTensors;
using test::TinyVar;

namespace {

NamedTensors without(const NamedTensors& tensors, const std::string& name) {
  NamedTensors rest(tensors.where());
  for (const auto& [key, value] : tensors) {
    if (key != name) rest.add(key, value);
  }
  return rest;
}

}  // namespace

TEST_CASE("a transformer's options are read from its weights") {
  auto options = test::tiny_var_options();
  options.embed_dim = GENERATE(64, 128);
  options.attn_l2_norm = GENERATE(true, false);
  options.num_heads = options.attn_l2_norm ? 4 : options.embed_dim / 64;
  options.shared_aln = GENERATE(true, false);
  options.drop_path_rate = 0.1 * 4 / 24;
  TinyVar tiny(options);
  const auto weights = runtime::state_dict(tiny.model);
  auto read = image::var_options_of(weights);
  read.vae = options.vae;
  CHECK(to_json(read) == to_json(options));
  const auto loaded = image::load_var(read, weights);
  CHECK(at::equal(loaded->parameters().front(), tiny.model.parameters().front()));
}

TEST_CASE("a tokenizer's options are read from its weights, however its convolutions are shared") {
  auto options = test::tiny_vqvae_options();
  options.v_patch_nums = {1, 2, 3, 4};
  options.share_quant_resi = GENERATE(0, 1, 3, 4);
  image::Vqvae vae(options);
  vae.initialise();
  const auto weights = runtime::state_dict(vae);
  CHECK(to_json(image::vqvae_options_of(weights)) == to_json(options));
  CHECK(image::load_vqvae(options, weights)->options().vocab_size == options.vocab_size);
}

TEST_CASE("statistics of another schedule are ignored, nothing else is") {
  auto options = test::tiny_vqvae_options();
  image::Vqvae vae(options);
  vae.initialise();
  const auto weights = runtime::state_dict(vae);
  options.v_patch_nums = {1, 2, 5};
  CHECK_NOTHROW(image::load_vqvae(options, weights));
  CHECK_THROWS_AS(image::load_vqvae(options, without(weights, "quant_conv.bias")), CheckpointError);
}

TEST_CASE("files that are no VAR are refused with a reason") {
  TinyVar tiny;
  const auto weights = runtime::state_dict(tiny.model);
  CHECK_THROWS_AS(image::vqvae_options_of(weights), CheckpointError);
  CHECK_THROWS_AS(image::var_options_of(without(weights, "class_emb.weight")), CheckpointError);
  NamedTensors spoilt = without(weights, "lvl_1L");
  auto levels = weights.at("lvl_1L").clone();
  levels.view(-1)[3] = 2;
  spoilt.add("lvl_1L", levels);
  CHECK_THROWS_AS(image::var_options_of(spoilt), CheckpointError);
}
