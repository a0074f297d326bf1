#include <cmath>

#include "core/error.h"
#include "image/llamagen_files.h"
#include "image/vq_loss.h"
#include "support/tensors.h"
#include "support/tiny_llamagen.h"

using namespace arzoo;
using namespace arzoo::image;
using test::tiny_llamagen_options;
using test::worst;

namespace {

LlamaGenVqOptions adversarial_options() {
  auto options = tiny_llamagen_options().vae;
  options.loss.disc_dim = 8;
  options.loss.disc_num_layers = 2;
  options.loss.disc_start = 0;
  return options;
}

/// A tokenizer, a discriminator and pictures.
struct Scene {
  explicit Scene(const LlamaGenVqOptions& options = adversarial_options()) : vae(options) {
    torch::manual_seed(2);
    vae.initialise();
    discriminator = make_discriminator(options.loss, 16);
    images = at::rand({2, 3, 16, 16}) * 2.0 - 1.0;
  }
  LlamaGenVq vae;
  std::shared_ptr<Discriminator> discriminator;
  at::Tensor images;
};

double length_of(const std::vector<at::Tensor>& parameters) {
  double sum = 0.0;
  for (const auto& parameter : parameters) {
    if (parameter.grad().defined()) sum += parameter.grad().square().sum().item<double>();
  }
  return std::sqrt(sum);
}

}  // namespace

TEST_CASE("the loss of the tokenizer reaches no weight of the discriminator, and the other way round") {
  auto options = adversarial_options();
  options.loss.disc_type = GENERATE(as<std::string>{}, "patchgan", "stylegan");
  Scene scene(options);
  const auto& loss = scene.vae.options().loss;
  const auto losses = vq_losses(loss, scene.vae, scene.vae.train_pass(scene.images), scene.images,
                                scene.discriminator.get(), 0.5);
  const bool generator = GENERATE(true, false);
  (generator ? losses.generator : losses.discriminator).backward();
  CHECK((length_of(scene.vae.parameters()) > 0.0) == generator);
  CHECK((length_of(scene.discriminator->parameters()) > 0.0) == !generator);
}

TEST_CASE("StyleGAN's discriminator has a logit for a picture, and the official names") {
  VqLossOptions options;
  options.disc_type = "stylegan";
  const auto discriminator = make_discriminator(options, 64);
  const torch::NoGradGuard no_grad;
  CHECK(discriminator->forward(at::randn({2, 3, 64, 64})).sizes() == at::IntArrayRef({2, 1}));
  const auto weights = runtime::state_dict(*discriminator);
  const auto sizes = [&](const char* name) { return weights.at(name).sizes().vec(); };
  CHECK(sizes("blocks.0.weight") == std::vector<int64_t>{256, 3, 3, 3});
  CHECK(sizes("blocks.2.conv_res.weight") == std::vector<int64_t>{512, 256, 1, 1});
  CHECK(sizes("blocks.5.net.2.weight") == std::vector<int64_t>{512, 512, 3, 3});
  CHECK(sizes("blocks.5.downsample.1.weight") == std::vector<int64_t>{512, 512, 3, 3});
  CHECK(sizes("blocks.2.downsample.0.f") == std::vector<int64_t>{3});
  CHECK(sizes("final_linear.0.weight") == std::vector<int64_t>{512, 8192});
  CHECK_FALSE(weights.contains("blocks.6.conv_res.weight"));
  auto vae = tiny_llamagen_options().vae;
  vae.loss.disc_type = "stylegan";
  vae.resolution = 24;
  CHECK_THROWS_WITH(vae.check(), ContainsSubstring("resolution (24) must be a power of two"));
}

TEST_CASE("the adversarial loss begins at its step, and without a discriminator there is none") {
  VqLossOptions options;
  options.disc_start = 3;
  options.disc_weight = 0.25;
  CHECK(adversarial_weight(options, 1) == 0.0);
  CHECK(adversarial_weight(options, 2) == 0.25);
  Scene scene;
  const auto losses =
      vq_losses(options, scene.vae, scene.vae.train_pass(scene.images), scene.images, nullptr, 0.0);
  CHECK_FALSE(losses.discriminator.defined());
}

TEST_CASE("the adaptive weight balances the gradients at the last layer") {
  auto options = adversarial_options();
  options.loss.disc_adaptive_weight = true;
  Scene scene(options);
  const auto pass = scene.vae.train_pass(scene.images);
  const auto losses = vq_losses(options.loss, scene.vae, pass, scene.images, scene.discriminator.get(), 1.0);
  const auto last = scene.vae.last_weights();
  const auto gradient = [&](const at::Tensor& loss) {
    return torch::autograd::grad({loss}, {last}, {}, true).front().norm().item<double>();
  };
  const auto codebook = pass.code.vq + pass.code.commit + pass.code.entropy;
  const auto share = losses.generator - losses.reconstruction - codebook;
  CHECK(gradient(share) == Approx(gradient(losses.reconstruction)).epsilon(0.05));
}

TEST_CASE("each discriminator loss prefers real patches to be told from others") {
  const auto high = at::full({2, 1, 2, 2}, 2.0), low = at::full({2, 1, 2, 2}, -2.0);
  for (const std::string name : {"hinge", "vanilla"})
    CHECK(discriminator_loss(name, high, low).item<double>() <
          discriminator_loss(name, low, high).item<double>());
  CHECK(generator_loss("hinge", high).item<double>() < generator_loss("hinge", low).item<double>());
}

TEST_CASE("normalised codes are found by their angle alone") {
  Scene scene;
  const torch::NoGradGuard no_grad;
  const auto z = at::randn({1, 4, 3, 3});
  const auto ids = scene.vae.quantizer().encode(z);
  CHECK(at::equal(scene.vae.quantizer().encode(z * 7.0), ids));
  auto codebook = scene.vae.quantizer().codebook();
  codebook.mul_(3.0);
  CHECK(at::equal(scene.vae.quantizer().encode(z), ids));
  CHECK(worst(scene.vae.quantizer().lookup(ids).norm(2, 1), at::ones({1, 3, 3})) < 1e-5);
}

TEST_CASE("the tokenizer's options are read off its weights, uneven halves included") {
  auto options = tiny_llamagen_options().vae;
  options.encoder_ch_mult = {1, 2, 1};
  options.decoder_ch_mult = {2, 1, 1};
  const auto read = llamagen_vq_options_of(runtime::state_dict(LlamaGenVq(options)));
  CHECK(read.encoder_ch_mult == options.encoder_ch_mult);
  CHECK(read.decoder_ch_mult == options.decoder_ch_mult);
  CHECK(read.num_res_blocks == 1);
  CHECK(read.z_channels == 16);
  CHECK(read.codebook_size == 24);
  CHECK(read.codebook_embed_dim == 4);
}

TEST_CASE("the official usage counter in a file is no fault") {
  Scene scene;
  runtime::NamedTensors weights("vq.pt");
  for (const auto& [name, tensor] : runtime::state_dict(scene.vae)) weights.add(name, tensor);
  weights.add("quantize.codebook_used", at::zeros({65536}));
  const auto loaded = load_llamagen_vq(scene.vae.options(), weights);
  const torch::NoGradGuard no_grad;
  CHECK(at::equal(loaded->tokens(scene.images), scene.vae.tokens(scene.images)));
}
