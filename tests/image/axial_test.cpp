#include <numbers>

#include "core/error.h"
#include "image/axial_generator.h"
#include "image/axial_sampler.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::image;

namespace {

AxialOptions small_options(const std::string& attention, int64_t channels = 1) {
  AxialOptions options;
  options.img_height = 4;
  options.img_width = 5;
  options.img_channels = channels;
  options.num_embs = 7;
  options.emb_dim = 8;
  options.num_heads = 2;
  options.num_exterior_layers = 2;
  options.num_outer_layers = attention == "axial" ? 2 : 0;
  options.num_inner_layers = 2;
  options.dropout = 0.0;
  options.res_init_scale = options.emb_init_scale = options.logits_init_scale = 1.0;
  options.attention = attention;
  return options;
}

std::shared_ptr<Axial> model_of(const AxialOptions& options) {
  torch::manual_seed(6);
  auto model = std::make_shared<Axial>(options);
  model->initialise();
  model->eval();
  return model;
}

at::Tensor random_levels(const AxialOptions& options, int64_t samples) {
  return at::randint(options.num_embs, {samples, options.img_height, options.img_width, options.img_channels},
                     at::kLong);
}

/// Where a place of [H, W, C] stands in the order of generation.
int64_t place_of(const AxialOptions& options, int64_t y, int64_t x, int64_t c) {
  return (c * options.img_height + y) * options.img_width + x;
}

/// One whole pass of the model per token, each time with the same random numbers.
at::Tensor sampled_slowly(const Axial& model, int64_t samples, nn::TokenRandomInputs& random_inputs) {
  const auto& options = model.options();
  auto picture = at::zeros({samples, options.img_height, options.img_width, options.img_channels}, at::kLong);
  for (int64_t c = 0; c < options.img_channels; ++c) {
    for (int64_t y = 0; y < options.img_height; ++y) {
      for (int64_t x = 0; x < options.img_width; ++x) {
        const auto logits = model.logits(picture, {}).select(3, c).select(2, x).select(1, y).unsqueeze(1);
        const auto level = random_inputs.pick(logits.contiguous(), place_of(options, y, x, c));
        picture.select(3, c).select(2, x).select(1, y).copy_(level.view({samples}));
      }
    }
  }
  return picture;
}

/// Each attention, and each layout of channels.
std::vector<AxialOptions> each_kind() {
  std::vector<AxialOptions> kinds;
  for (const std::string attention : {"axial", "raster", "row"}) kinds.push_back(small_options(attention, 1));
  for (const std::string layout : {"sliced", "stacked"}) {
    kinds.push_back(small_options("axial", 3));
    kinds.back().channels = layout;
  }
  return kinds;
}

}  // namespace

TEST_CASE("every logit depends on all pixels before its own in the order of generation, and on no other") {
  const torch::NoGradGuard no_grad;
  const auto options = GENERATE(from_range(each_kind()));
  const auto model = model_of(options);
  const auto x = random_levels(options, 1);
  const auto logits = model->logits(x, {});
  for (int64_t c = 0; c < options.img_channels; ++c) {
    auto other = x.clone();
    other.select(3, c).select(2, 2).select(1, 1).add_(1).remainder_(options.num_embs);
    const auto change = std::get<0>((model->logits(other, {}) - logits).abs().max(-1))[0];
    for (int64_t d = 0; d < options.img_channels; ++d) {
      for (int64_t i = 0; i < options.img_height; ++i) {
        for (int64_t j = 0; j < options.img_width; ++j) {
          const bool before = place_of(options, 1, 2, c) < place_of(options, i, j, d);
          const bool seen = before && (options.attention != "row" || i == 1);
          INFO(options.attention << ", " << options.channels << ": channel " << c << " on " << d << " at "
                                 << i << ", " << j);
          const auto moved = change[i][j][d].item<double>();
          CHECK((seen ? moved > 0.0 : moved == 0.0));
        }
      }
    }
  }
}

TEST_CASE("semi-parallel sampling gives the pictures of one whole pass per pixel") {
  const torch::NoGradGuard no_grad;
  const auto options = GENERATE(from_range(each_kind()));
  const auto model = model_of(options);
  nn::SeededRandomInputs fast({3, 4}), slow({3, 4});
  const auto expected = sampled_slowly(*model, 2, slow);
  CHECK(at::equal(sample_axial(*model, 2, {}, fast), expected));
  kernels::pack_for_inference(*model);
  nn::SeededRandomInputs packed({3, 4});
  CHECK(at::equal(sample_axial(*model, 2, {}, packed), expected));
}

TEST_CASE("the likelihoods of all pictures sum to one") {
  const torch::NoGradGuard no_grad;
  auto options = small_options("axial");
  options.img_height = options.img_width = 2;
  options.num_embs = 3;
  const auto model = model_of(options);
  const auto codes = at::arange(81, at::kLong);
  std::vector<at::Tensor> digits;
  for (const int64_t power : {27, 9, 3, 1}) digits.push_back(at::floor_divide(codes, power).remainder(3));
  const auto all = at::stack(digits, 1).view({81, 2, 2, 1});
  CHECK(model->nats(all, {}).to(at::kDouble).sum({1, 2, 3}).neg().exp().sum().item<double>() ==
        Approx(1.0).epsilon(1e-5));
}

TEST_CASE("given rows stay, and the rows below are sampled given them") {
  const torch::NoGradGuard no_grad;
  const auto options = small_options("axial", GENERATE(1, 3));
  const auto model = model_of(options);
  nn::SeededRandomInputs free({9}), conditioned({9});
  const auto whole = sample_axial(*model, 1, {}, free);
  auto known = at::zeros({1, options.img_height, options.img_width}, at::kBool);
  known.narrow(1, 0, 2).fill_(true);
  // Given what would have been sampled anyway, the rest is the same.
  const KnownLevels same{whole, known};
  CHECK(at::equal(sample_axial(*model, 1, {}, conditioned, {.known = &same}), whole));
  const KnownLevels other{random_levels(options, 1), known};
  nn::SeededRandomInputs again({9});
  const auto completed = sample_axial(*model, 1, {}, again, {.known = &other});
  CHECK(at::equal(completed.narrow(1, 0, 2), other.levels.narrow(1, 0, 2)));
}

TEST_CASE("a class changes the picture's likelihood, and none is a class of its own") {
  const torch::NoGradGuard no_grad;
  auto options = small_options("axial", 3);
  options.class_num = 2;
  const auto model = model_of(options);
  const auto x = random_levels(options, 1).repeat({3, 1, 1, 1});
  const auto nats = model->nats(x, model->condition_of(at::arange(3, at::kLong))).sum({1, 2, 3});
  CHECK(nats[0].item<double>() != nats[1].item<double>());
  CHECK(nats[1].item<double>() != nats[2].item<double>());
}

TEST_CASE("levels survive being shown as pictures, black and white included") {
  auto options = small_options("axial");
  options.img_height = 1;
  for (const int64_t levels : {2, 3, 16, 100, 255, 256}) {
    options.num_embs = options.img_width = levels;
    const auto x = at::arange(levels, at::kLong).view({1, 1, levels, 1});
    const auto pictures = pictures_of(x, options);
    CHECK(at::equal(levels_of(pictures * 2.0 - 1.0, options), x));
    CHECK(pictures.min().item<double>() == 0.0);
    CHECK(pictures.max().item<double>() == 1.0);
  }
}

TEST_CASE("options that no axial transformer has are refused by name") {
  auto options = small_options("axial");
  const auto refused = [&] { return Config(arzoo::to_json(options), "model").as<AxialOptions>(); };
  options.num_outer_layers = 3;
  CHECK_THROWS_WITH(refused(), ContainsSubstring("num_outer_layers must be even"));
  options.num_outer_layers = 2;
  options.num_heads = 3;
  CHECK_THROWS_WITH(refused(), ContainsSubstring("multiple of num_heads"));
  options.num_heads = 2;
  options.num_embs = 1;
  CHECK_THROWS_AS(refused(), ConfigError);
}

TEST_CASE("a level that is none, and a picture of another size, are refused") {
  const auto options = small_options("axial");
  const auto model = model_of(options);
  CHECK_THROWS_WITH(model->check_levels(at::full({1, 4, 5, 1}, 7, at::kLong)), ContainsSubstring("level 7"));
  CHECK_THROWS_WITH(model->check_levels(at::zeros({1, 5, 5, 1}, at::kLong)),
                    ContainsSubstring("expected [B, 4, 5, 1]"));
}
