#include "image/var_files.h"
#include "image/latent_files.h"

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

TEST_CASE("an average of parameters alone, without tables, has a known schedule") {
  auto options = test::tiny_var_options();
  options.patch_nums = options.vae.v_patch_nums = {1, 2, 3};
  TinyVar tiny(options);
  NamedTensors average("average");
  for (const auto& parameter : tiny.model.named_parameters()) average.add(parameter.key(), parameter.value());
  const auto read = image::var_options_of(average);
  CHECK(read.patch_nums == options.patch_nums);
  const auto loaded = image::load_var(read, average);
  const auto wanted = runtime::state_dict(tiny.model);
  for (const auto& [name, tensor] : runtime::state_dict(*loaded)) {
    CAPTURE(name);
    CHECK(at::equal(tensor, wanted.at(name)));
  }
  const auto unknown = without(runtime::state_dict(TinyVar().model), "lvl_1L");
  CHECK_THROWS_WITH(image::var_options_of(unknown), ContainsSubstring("no published schedule"));
}

TEST_CASE("a wrong head.weight is reported as such") {
  TinyVar tiny;
  const auto weights = runtime::state_dict(tiny.model);
  auto spoilt = without(weights, "head.weight");
  CHECK_THROWS_WITH(image::var_options_of(spoilt),
                    ContainsSubstring("no tensor \"head.weight\"") && !ContainsSubstring("head.bias"));
  spoilt.add("head.weight", weights.at("head.weight").narrow(0, 0, 3));
  CHECK_THROWS_WITH(image::var_options_of(spoilt), ContainsSubstring("head.weight is [3, 32], expected ["));
}

TEST_CASE("weights of another kind of model are named as such") {
  TinyVar tiny;
  const auto var = runtime::state_dict(tiny.model), vqvae = runtime::state_dict(tiny.vae);
  CHECK_THROWS_WITH(image::vqvae_options_of(var),
                    ContainsSubstring("the weights of a VAR, expected those of VAR's "
                                      "tokenizer (a multi-scale VQ-VAE)"));
  CHECK_THROWS_WITH(image::kl_vae_options_of(vqvae), ContainsSubstring("the weights of VAR's tokenizer"));
  CHECK_THROWS_WITH(image::var_options_of(vqvae), ContainsSubstring("expected those of a VAR"));
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
