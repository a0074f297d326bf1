#include "image/latent_tokens.h"
#include "image/measured_captions.h"
#include "image/mmar_sampling.h"
#include "kernels/packed_weights.h"
#include "support/tensors.h"
#include "support/tiny_latents.h"

using namespace arzoo;
using image::Captions;
using image::Mmar;

namespace {

Captions two_captions(const image::MmarOptions& options) {
  return image::captions_of_texts(options, {"a dark wide bag", "a bag"});
}

image::MmarSampling few_mmar_steps() {
  return {.num_iter = 3, .cfg = 2.0, .linear_cfg = true, .num_sampling_steps = 4, .clip = 0.0};
}

}  // namespace

TEST_CASE("captions become ids, a word that the model does not know is named") {
  const auto options = test::tiny_mmar_options();
  const auto captions = two_captions(options);
  CHECK(at::equal(captions.words, at::tensor({5, 6, 9, 11, 5, 11, 0, 0}, at::kLong).view({2, 4})));
  CHECK(at::equal(captions.lengths, at::tensor({4, 2}, at::kLong)));
  CHECK(image::caption_text(options, captions.words[1]) == "a bag");
  CHECK_THROWS_WITH(image::caption_ids(options, "a red bag"),
                    ContainsSubstring("\"red\" is no word of the model"));
  CHECK_THROWS_WITH(image::caption_ids(options, "a red bag"), ContainsSubstring("a, dark, bright"));
}

TEST_CASE("light and breadth are measured of the pixels") {
  auto images = at::full({2, 3, 4, 10}, -1.0);
  images[0].narrow(2, 2, 5).fill_(1.0);
  const auto look = image::measured_look(images);
  CHECK(at::allclose(look, at::tensor({0.5, 0.5, 0.0, 0.0}).view({2, 2}).to(at::kFloat), 1e-6, 1e-6));
}

TEST_CASE("every caption of the grammar says what it stands for") {
  auto options = test::tiny_mmar_options();
  options.brightness = 0.3;
  options.breadth = 0.5;
  const image::CaptionGrammar grammar(options, {"bag", "boot"});
  const auto look = at::tensor({0.2, 0.6, 0.3, 0.4}).view({2, 2}).to(at::kFloat);
  const auto captions = grammar.captions(test::classes({0, 1}), look);
  CHECK(image::caption_text(options, captions.words[0]) == "a dark wide bag");
  CHECK(image::caption_text(options, captions.words[1]) == "a bright narrow boot");
  CHECK(grammar.all().size() == 8);
  CHECK(grammar.all()[1] == "a dark wide bag");
  CHECK_THROWS_WITH(image::CaptionGrammar(options, {"hat"}), ContainsSubstring("\"hat\" is missing"));
}

TEST_CASE("unseen captions are known by their ids, and pictures are held against what was asked for") {
  auto options = test::tiny_mmar_options();
  options.brightness = 0.3;
  options.breadth = 0.5;
  options.unseen = {"a dark wide bag", "a bright narrow boot"};
  const image::CaptionGrammar grammar(options, {"bag", "boot"});
  const auto all = image::captions_of_texts(options, grammar.all());
  CHECK(
      at::equal(grammar.is_unseen(all.words), at::tensor({0, 1, 0, 0, 0, 0, 1, 0}, at::kInt).to(at::kBool)));
  // Half of the width is lit: bright and wide, whatever the class.
  auto images = at::full({8, 3, 4, 10}, -1.0);
  images.narrow(3, 2, 5).fill_(1.0);
  const auto matches = grammar.matches(images, at::arange(8));
  CHECK(at::equal(matches.select(1, 0), at::tensor({0, 0, 1, 1, 0, 0, 1, 1}, at::kInt).to(at::kBool)));
  CHECK(at::equal(matches.select(1, 1), at::tensor({0, 1, 0, 1, 0, 1, 0, 1}, at::kInt).to(at::kBool)));
  options.unseen = {"a dark bag"};
  CHECK_THROWS_WITH(image::CaptionGrammar(options, {"bag", "boot"}),
                    ContainsSubstring("unseen: \"a dark bag\" is no caption"));
}

TEST_CASE("image slots see each other in both directions, words only what lies before, padding is unseen") {
  const auto model = test::tiny_model<Mmar>(test::tiny_mmar_options());
  const auto sequence = model->text_to_image(two_captions(model->options()));
  // bos, four words, boi, 25 slots, eoi.
  CHECK(sequence.ids.size(1) == 1 + 4 + 1 + 25 + 1);
  CHECK(at::equal(sequence.slots[0], at::arange(6, 31)));
  CHECK(at::equal(sequence.slots[1], at::arange(4, 29)));
  const auto seen = sequence.bias.squeeze(1).eq(0.0);
  CHECK(seen[0][6][30].item<bool>());
  CHECK_FALSE(seen[0][5][6].item<bool>());
  CHECK_FALSE(seen[0][1][2].item<bool>());
  CHECK(seen[0][31][0].item<bool>());
  CHECK_FALSE(seen[1].select(1, 31).any().item<bool>());
}

TEST_CASE("padding changes nothing: a caption alone gives what it gives in a batch") {
  const auto model = test::tiny_model<Mmar>(test::tiny_mmar_options());
  torch::manual_seed(5);
  const auto tokens = at::randn({2, 25, 4});
  const auto masked = at::rand({2, 25}).lt(0.5);
  const torch::NoGradGuard no_grad;
  const auto of = [&](const Captions& captions, const at::Tensor& x, const at::Tensor& hidden) {
    const auto sequence = model->text_to_image(captions);
    return model->conditions(sequence, model->states(sequence, model->visual(model->vision(x, hidden))));
  };
  const auto together = of(two_captions(model->options()), tokens, masked);
  const auto alone = of(image::captions_of_texts(model->options(), {"a bag"}), tokens.narrow(0, 1, 1),
                        masked.narrow(0, 1, 1));
  CHECK(at::allclose(together[1], alone[0], 1e-4, 1e-4));
}

TEST_CASE("a picture of a caption depends on seed and caption, not on the batch, nor much on packing") {
  const auto model = test::tiny_model<Mmar>(test::tiny_mmar_options());
  const auto together =
      image::sample_mmar_latents(*model, two_captions(model->options()), {11, 12}, few_mmar_steps());
  CHECK(together.sizes() == at::IntArrayRef({2, 4, 5, 5}));
  const auto bag = image::captions_of_texts(model->options(), {"a bag"});
  const auto alone = image::sample_mmar_latents(*model, bag, {12}, few_mmar_steps());
  const double scale = together.abs().max().item<double>();
  CHECK(at::allclose(together[1], alone[0], 1e-3, 1e-3 * scale));
  CHECK_FALSE(at::allclose(together[0], together[1], 1e-2, 1e-2 * scale));
  kernels::pack_for_inference(*model);
  CHECK(at::allclose(image::sample_mmar_latents(*model, bag, {12}, few_mmar_steps()), alone, 1e-3,
                     1e-3 * scale));
}

TEST_CASE("scores are the log-likelihoods of the captions, and a description ends") {
  const auto model = test::tiny_model<Mmar>(test::tiny_mmar_options());
  torch::manual_seed(6);
  const auto tokens = at::randn({3, 25, 4});
  const auto scores = image::caption_scores(*model, tokens, two_captions(model->options()));
  CHECK(scores.sizes() == at::IntArrayRef({3, 2}));
  CHECK(scores.lt(0.0).all().item<bool>());
  const auto one = image::captions_of_texts(model->options(), {"a bag", "a bag", "a bag"});
  const torch::NoGradGuard no_grad;
  const auto errors = model->text_errors(tokens, one).view({3, 3}).sum(1);
  CHECK(at::allclose(scores.select(1, 1), -errors, 1e-4, 1e-4));
  CHECK(image::describe_tokens(*model, tokens, 6).size(1) <= 6);
}
