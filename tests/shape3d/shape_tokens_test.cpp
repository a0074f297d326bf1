// Models that code shapes by tokens, and generators of these: what must hold whatever the weights.

#include "shape3d/argus3d_files.h"
#include "shape3d/argus3d_generator.h"
#include "shape3d/g3pt_model.h"
#include "shape3d/g3pt_vq_model.h"
#include "shape3d/vat_model.h"
#include "support/test.h"

#include "nn/exponential_race.h"
#include "runtime/safetensors.h"

using namespace arzoo;
using namespace arzoo::shape3d;

namespace {

template <class Model, class Options>
std::shared_ptr<Model> made(const Options& options) {
  torch::manual_seed(5);
  auto model = std::make_shared<Model>(options);
  model->initialise();
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model->parameters()) parameter.add_(at::randn_like(parameter), 0.1);
  model->eval();
  return model;
}

Argus3dVqOptions stage1_options() {
  Argus3dVqOptions options;
  options.plane_resolution = 16;
  options.c_dim = 4;
  options.widths = {4, 4, 6, 8};
  options.embedding_num = 16;
  options.embedding_dim = 8;
  options.hidden_dim = 4;
  options.n_blocks = 2;
  options.decoder_hidden_size = 6;
  options.unet_kwargs.depth = 2;
  options.unet_kwargs.start_filts = 4;
  return options;
}

Argus3dOptions stage2_options() {
  Argus3dOptions options;
  options.classes = 3;
  options.embedding_num = 16;
  auto& sizes = options.stage2_model_kwargs;
  sizes.sequence_length = 5;
  sizes.position_num = 4;
  sizes.transformer_embed_dim = sizes.stage2_embed_dim = 8;
  sizes.transformer_n_head = 1;
  sizes.transformer_layer = 2;
  return options;
}

VatOptions vat_options() {
  VatOptions options;
  options.width = 16;
  options.heads = 2;
  options.num_freqs = 3;
  options.num_latents = 8;
  options.num_encoder_layers = options.num_decoder_layers = 1;
  options.embed_dim = 4;
  options.codes = 16;
  options.scales = {1, 3, 8};
  options.plane_tokens = 2;
  options.plane_channels = {6, 5};
  options.mlp_width = 6;
  return options;
}

G3ptVqOptions g3pt_vq_options() {
  G3ptVqOptions options;
  options.width = 16;
  options.heads = 2;
  options.num_freqs = 3;
  options.num_latents = 8;
  options.num_encoder_layers = options.num_decoder_layers = 1;
  options.scales = {1, 3, 6};
  options.bits = 4;
  return options;
}

SurfaceClouds some_clouds(int64_t shapes) {
  torch::manual_seed(2);
  auto points = at::rand({shapes, 60, 3}) * 1.8 - 0.9;
  const auto normals = at::randn({shapes, 60, 3});
  return {{at::cat({points, normals / normals.norm(2, -1, true)}, 2)}, at::zeros({shapes}, at::kLong)};
}

std::shared_ptr<ShapeAutoencoder> coder_named(const std::string& name) {
  if (name == "argus3d_vq") return made<Argus3dVq>(stage1_options());
  if (name == "vat") return made<Vat>(vat_options());
  return made<G3ptVq>(g3pt_vq_options());
}

}  // namespace

TEST_CASE(
    "a shape's tokens are within the vocabulary, its own whatever stands beside it, and so is its field") {
  const auto name = GENERATE(as<std::string>(), "argus3d_vq", "vat", "g3pt_vq");
  INFO(name);
  const torch::NoGradGuard no_grad;
  const auto coder = coder_named(name);
  const auto clouds = some_clouds(3);
  const auto codes = coder->code(clouds);
  CHECK(codes.sizes() == at::IntArrayRef({3, coder->token_count()}));
  CHECK(codes.min().item<int64_t>() >= 0);
  CHECK(codes.max().item<int64_t>() < coder->vocabulary());
  const SurfaceClouds alone{{clouds.levels[0].narrow(0, 1, 1)}, clouds.fps_start.narrow(0, 1, 1)};
  CHECK(at::equal(coder->code(alone)[0], codes[1]));
  const auto points = at::rand({3, 50, 3}) * 2 - 1;
  const auto together = coder->logits(points, coder->opened(codes));
  const auto own =
      coder->logits(points.narrow(0, 1, 1).narrow(1, 7, 9), coder->opened(codes.narrow(0, 1, 1)));
  CHECK(at::allclose(own[0], together[1].narrow(0, 7, 9), 1e-4, 1e-5));
}

TEST_CASE("the sums of a coder by scales are those that its own pass leaves") {
  const torch::NoGradGuard no_grad;
  const auto vat = made<Vat>(vat_options());
  const auto z = at::randn({2, 8, 4});
  const auto pass = vat->quantised(z);
  CHECK(at::allclose(vat->sum_of(pass.ids), pass.sums.back(), 1e-5, 1e-5));
  CHECK(vat->teacher_input(pass.ids).sizes() == at::IntArrayRef({2, 11, 4}));
  const auto g3pt = made<G3ptVq>(g3pt_vq_options());
  const auto latents = at::randn({2, 8, 16});
  const auto scales = g3pt->quantizer().train_pass(latents);
  CHECK(at::equal(g3pt->quantizer().tokens(latents), scales.ids));
  CHECK(at::allclose(g3pt->sum_of(scales.ids), scales.sums.back(), 1e-4, 1e-5));
}

TEST_CASE("a lookup-free token is the signs of its numbers, the first its highest bit") {
  const torch::NoGradGuard no_grad;
  LookupFreeQuantizer quantizer(8, 3, {});
  quantizer.initialise(0.5);
  CHECK(quantizer.tokens(torch::tensor({{1.0F, -1.0F, 2.0F}, {-1.0F, -1.0F, 0.0F}}, at::kFloat))
            .equal(at::tensor({5, 0}, at::kLong)));
  const auto all = at::arange(8, at::kLong);
  const auto pass = quantizer.train_pass(at::randn({4, 8}));
  CHECK(at::allclose(quantizer.lookup(pass.ids), pass.quantised, 1e-5, 1e-5));
  CHECK(quantizer.lookup(all).sizes() == at::IntArrayRef({8, 8}));
}

TEST_CASE(
    "Argus3D with keys and values kept says what it says of the whole sequence, and a shape is its seed's "
    "own") {
  const torch::NoGradGuard no_grad;
  const auto model = made<Argus3d>(stage2_options());
  const auto labels = at::tensor({2, 0}, at::kLong);
  nn::ExponentialRace random_inputs({4, 9});
  std::vector<at::Tensor> logits;
  const auto ids =
      argus3d_tokens(*model, labels, decoding_rules({}), random_inputs, [&](const nn::DecodingStep& step) {
        logits.push_back(step.logits.clone());
        return true;
      });
  CHECK(at::allclose(at::stack(logits, 1), model->forward(labels, ids), 1e-4, 1e-5));
  nn::ExponentialRace alone({9});
  CHECK(at::equal(argus3d_tokens(*model, labels.narrow(0, 1, 1), decoding_rules({}), alone)[0], ids[1]));
}

TEST_CASE("G3PT scale by scale says what it says of all scales at once") {
  const torch::NoGradGuard no_grad;
  const auto coder = made<G3ptVq>(g3pt_vq_options());
  G3ptOptions options;
  options.gen_width = 16;
  options.gen_heads = 2;
  options.gen_layers = 2;
  options.cond_dim = 3;
  options.scales = {1, 3, 6};
  options.codes = 16;
  options.width = 16;
  const auto model = made<G3pt>(options);
  const auto condition = model->of_classes(at::tensor({1, 2}, at::kLong));
  nn::ExponentialRace random_inputs({1, 2});
  std::vector<at::Tensor> logits;
  const auto ids =
      generate_scales(*model, *coder, condition, {.cfg = 1.0}, random_inputs,
                      [&](std::size_t, const at::Tensor& of_scale) { logits.push_back(of_scale); });
  const auto whole = model->forward(condition, coder->teacher_input(ids), 3);
  CHECK(at::allclose(at::cat(logits, 1), whole, 1e-4, 1e-5));
  CHECK(at::allclose(model->forward(condition, coder->teacher_input(ids), 2), whole.narrow(1, 0, 4), 1e-4,
                     1e-5));
}

TEST_CASE("a released file of Argus3D is opened by the shapes of its tensors") {
  const test::TempDir temp;
  const auto stage1 = made<Argus3dVq>(stage1_options());
  const auto stage2 = made<Argus3d>(stage2_options());
  std::vector<runtime::NamedTensors::Entry> all;
  for (const auto& [name, tensor] : runtime::state_dict(*stage1))
    all.emplace_back("vqvae_model." + name, tensor);
  for (const auto& [name, tensor] : runtime::state_dict(*stage2))
    all.emplace_back("transformer_model." + name, tensor);
  const auto embedding = runtime::state_dict(*stage2).at("emb.weight");
  all.emplace_back("transformer_model.z_value_dec.weight", embedding.clone());
  const auto file = temp / "model_stage2.safetensors";
  runtime::write_safetensors(file, all);
  CHECK(is_argus3d_file(file));
  const auto opened = open_argus3d_file(file, at::kFloat);
  CHECK(to_json(opened.tokenizer->options()) == to_json(stage1->options()));
  CHECK(opened.model->options().tokens() == 4);
  const torch::NoGradGuard no_grad;
  const auto labels = at::tensor({1}, at::kLong), ids = torch::tensor({{3, 1, 15, 0}}, at::kLong);
  CHECK(at::equal(opened.model->forward(labels, ids), stage2->forward(labels, ids)));
  all.back().second.add_(1.0);
  runtime::write_safetensors(file, all);
  CHECK_THROWS_WITH(open_argus3d_file(file, at::kFloat),
                    ContainsSubstring("z_value_dec.weight differs from emb.weight"));
}
