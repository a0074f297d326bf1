#include "image/var_model.h"

#include "core/name_pattern.h"
#include "runtime/named_tensors.h"
#include "support/tiny_var.h"

using namespace arzoo;
using test::TinyVar;

namespace {

at::Tensor some_maps(const image::Var& model, int64_t batch) {
  const auto& grids = model.grids();
  return at::randn({batch, tokens_of(grids) - grids.front().tokens(), model.options().vae.z_channels});
}

}  // namespace

TEST_CASE("no scale sees a later one") {
  TinyVar tiny;
  const torch::NoGradGuard no_grad;
  const auto labels = at::tensor({1}, at::kLong);
  const auto maps = some_maps(tiny.model, 1);
  const auto before = tiny.model.forward(labels, maps);
  auto changed = maps.clone();
  // Tokens 1..4 of the sequence are scale 1, 5..13 scale 2: in maps one earlier.
  changed.narrow(1, 4, maps.size(1) - 4).add_(1.0);
  const auto after = tiny.model.forward(labels, changed);
  CHECK(at::equal(before.narrow(1, 0, 5), after.narrow(1, 0, 5)));
  CHECK_FALSE(at::equal(before.narrow(1, 5, 1), after.narrow(1, 5, 1)));
}

TEST_CASE("a fresh model starts as the paper's: gates nearly shut, all parameters finite") {
  image::Var model(test::tiny_var_options());
  torch::manual_seed(2);
  model.initialise(1e-5);
  for (const auto& parameter : model.named_parameters()) {
    INFO(parameter.key());
    CHECK(parameter.value().isfinite().all().item<bool>());
  }
  const auto weights = runtime::state_dict(model);
  const int64_t width = model.options().embed_dim;
  const auto& ada = weights.at("blocks.0.ada_lin.1.weight");
  CHECK(ada.narrow(0, 0, 2 * width).abs().max().item<double>() < 1e-4);
  CHECK(ada.narrow(0, 2 * width, 4 * width).std().item<double>() ==
        Approx(0.5 / std::sqrt(3.0 * 32)).epsilon(0.1));
}

TEST_CASE("training reaches every parameter, with and without shared modulation") {
  auto options = test::tiny_var_options();
  options.shared_aln = GENERATE(true, false);
  options.drop_path_rate = 0.1;
  TinyVar tiny(options);
  tiny.model.train();
  const auto targets = at::randint(0, options.vae.vocab_size, {3, tokens_of(tiny.model.grids())}, at::kLong);
  const auto loss = tiny.model.loss(at::tensor({0, 1, 2}, at::kLong), some_maps(tiny.model, 3), targets, 0.1);
  loss.total.backward();
  for (const auto& parameter : tiny.model.named_parameters()) {
    INFO(parameter.key());
    REQUIRE(parameter.value().grad().defined());
    CHECK(parameter.value().grad().isfinite().all().item<bool>());
  }
}

TEST_CASE("a sub-network leaves the coarse scales alone and trains only what the others pass through") {
  TinyVar tiny;
  tiny.model.train();
  const auto labels = at::tensor({1, 3}, at::kLong);
  const auto maps = some_maps(tiny.model, 2);
  const image::SubNetwork part{2, {0, 3}};
  const auto whole = tiny.model.forward(labels, maps),
             cut = tiny.model.forward(labels, maps, {}, nullptr, &part);
  CHECK(at::allclose(whole.narrow(1, 0, 5), cut.narrow(1, 0, 5), 1e-5, 1e-5));
  CHECK_FALSE(at::allclose(whole.narrow(1, 5, 9), cut.narrow(1, 5, 9), 1e-3, 1e-3));
  cut.narrow(1, 5, cut.size(1) - 5).sum().backward();
  const auto parameters = tiny.model.named_parameters();
  CHECK(parameters["blocks.0.attn.mat_qkv.weight"].grad().abs().sum().item<double>() > 0.0);
  CHECK(parameters["blocks.3.ffn.fc2.weight"].grad().abs().sum().item<double>() > 0.0);
}

TEST_CASE("sub-networks take over in three phases") {
  const image::SupernetOptions options{
      .depths = {2}, .subnet_rate = 0.2, .joint_epochs = 2, .growing_epochs = 4};
  CHECK(options.rate(0) == 0.2);
  CHECK(options.rate(1) == 0.2);
  CHECK(options.rate(4) == Approx(0.2 + 0.8 * 2 / 4));
  CHECK(options.rate(6) == 1.0);
  CHECK(options.rate(100) == 1.0);
}

TEST_CASE("labels are dropped where the random input is below the rate") {
  image::Var model(test::tiny_var_options());
  const auto labels = at::tensor({3, 4, 2}, at::kLong);
  CHECK(at::equal(model.dropped(labels, at::tensor({0.05, 0.5, 0.0999})), at::tensor({5, 4, 5}, at::kLong)));
}

TEST_CASE("weights in bf16 give nearly the same logits") {
  TinyVar tiny;
  image::Var half(test::tiny_var_options());
  half.set_type(at::kBFloat16);
  half.eval();
  runtime::load_strictly(half, runtime::state_dict(tiny.model), "test");
  const torch::NoGradGuard no_grad;
  const auto labels = at::tensor({1, 2}, at::kLong);
  const auto logits = [&](const image::Var& model) {
    auto generation = model.begin(labels, true);
    return model.guided_logits(generation, model.extend(generation, {}, 1, model.all_blocks()), 1.5);
  };
  const auto exact = logits(tiny.model), rounded = logits(half);
  CHECK(rounded.scalar_type() == at::kFloat);
  CHECK((exact - rounded).norm().item<double>() < 0.03 * exact.norm().item<double>());
}
