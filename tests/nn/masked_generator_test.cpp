#include "nn/masked_sampler.h"
#include "nn/seeded_noise.h"
#include "support/test.h"

using namespace arzoo;

namespace {

nn::MaskedGeneratorOptions tiny_options() {
  nn::MaskedGeneratorOptions options;
  options.encoder_embed_dim = 16;
  options.encoder_depth = 2;
  options.encoder_num_heads = 2;
  options.decoder_embed_dim = 24;
  options.decoder_depth = 2;
  options.decoder_num_heads = 3;
  options.diffloss_w = 12;
  options.diffloss_d = 2;
  options.diffusion_batch_mul = 2;
  return options;
}

class Generator : public nn::MaskedGenerator {
 public:
  explicit Generator(const nn::MaskedGeneratorOptions& options = tiny_options())
      : MaskedGenerator(options, {.tokens = 10, .token_width = 3, .buffer = 4, .fake_rows = 4}) {
    torch::manual_seed(1);
    const torch::NoGradGuard no_grad;
    initialise_core();
    for (auto& parameter : parameters()) parameter.add_(at::randn_like(parameter), 0.1);
    eval();
  }
};

at::Tensor condition(int64_t samples) { return at::randn({samples, 4, 16}); }

at::Tensor sampled(const nn::MaskedGenerator& model, const nn::MaskedRequest& request,
                   const nn::MaskedSampling& sampling, const std::vector<uint64_t>& seeds) {
  nn::SeededMaskedNoise noise(seeds);
  return nn::sample_masked_tokens(model, request, sampling, noise);
}

nn::MaskedRequest request_of(const std::vector<uint64_t>& seeds, const at::Tensor& condition) {
  return {.condition = condition,
          .orders = nn::SeededMaskedNoise(seeds).orders(10),
          .known = {},
          .masked = -1,
          .observer = nullptr};
}

}  // namespace

TEST_CASE("what the encoder says does not depend on masked tokens") {
  const Generator model;
  torch::manual_seed(2);
  const auto kept = nn::keep_all_but_first(nn::random_orders(3, 10), 6);
  const auto a = at::randn({3, 10, 3}), c = condition(3);
  const auto b = at::where(kept.masked().unsqueeze(-1), at::randn({3, 10, 3}), a);
  CHECK(at::equal(model.encode(a, kept, c), model.encode(b, kept, c)));
}

TEST_CASE("inference and training agree, and so do the places that are asked for alone") {
  const Generator model;
  torch::manual_seed(3);
  const auto orders = nn::random_orders(2, 10);
  const auto kept = nn::keep_all_but_first(orders, 7);
  const auto tokens = at::randn({2, 10, 3}), c = condition(2);
  const auto trained = model.decode(model.encode(tokens, kept, c), kept);
  const auto wanted = std::get<0>(orders.narrow(1, 0, 3).sort(1));
  CHECK(at::allclose(model.decode(model.encode(tokens, kept, c), kept, wanted),
                     nn::tokens_at(trained, wanted), 1e-5, 1e-5));
  const torch::NoGradGuard no_grad;
  const auto encoded = model.encode(tokens, kept, c);
  CHECK(at::allclose(model.decode(encoded, kept), trained, 1e-4, 1e-4));
  CHECK(at::allclose(model.decode(encoded, kept, wanted), nn::tokens_at(trained, wanted), 1e-4, 1e-4));
}

TEST_CASE("a lost condition is the learned rows, for that sample alone") {
  const Generator model;
  const auto c = condition(3);
  const auto seen = model.dropped(c, at::tensor({0.5, 0.05, 0.1}));
  CHECK(at::equal(seen[0], c[0]));
  CHECK(at::equal(seen[1], model.no_condition(1)[0]));
  CHECK(at::equal(seen[2], c[2]));
}

TEST_CASE("a training pass masks at least the least share, mostly nearly all") {
  const Generator model;
  torch::manual_seed(4);
  std::vector<int64_t> counts(11);
  for (int i = 0; i < 2000; ++i) ++counts[nn::sample_masked_count(10, 0.7)];
  for (int64_t masked = 0; masked <= 7; ++masked) CHECK(counts[masked] == 0);
  CHECK(counts[10] > counts[9]);
  CHECK(counts[9] > counts[8]);
  CHECK(counts[8] > 300);
}

TEST_CASE("the loss reaches every parameter") {
  auto options = tiny_options();
  options.label_drop_prob = 0.5;
  Generator model(options);
  model.train();
  torch::manual_seed(5);
  nn::MaskedRandomInputs random_inputs;
  random_inputs.label_drop = at::tensor({0.1, 0.9});
  const auto loss = model.loss(at::randn({2, 10, 3}), condition(2), random_inputs);
  (loss.mse + loss.vb).backward();
  for (const auto& parameter : model.named_parameters()) {
    INFO(parameter.key());
    REQUIRE(parameter.value().grad().defined());
    CHECK(parameter.value().grad().abs().max().item<double>() > 0.0);
  }
}

TEST_CASE("the mask shrinks along the cosine to nothing, by at least one token a step") {
  int64_t masked = 256;
  std::vector<int64_t> left;
  for (int64_t step = 0; step < 64; ++step) {
    const int64_t next = nn::masked_after(step, 64, 256, masked);
    CHECK(next < masked);
    CHECK(next >= 1);
    left.push_back(masked = next);
  }
  CHECK(left.front() == 255);
  CHECK(left[31] == 181);  // floor(256 cos(pi / 4))
  CHECK(left.back() == 1);
}

TEST_CASE("a sample depends on its seed, not on the batch") {
  const Generator model;
  torch::manual_seed(6);
  const std::vector<uint64_t> seeds{11, 12, 13};
  const auto c = condition(3);
  nn::MaskedSampling sampling;
  sampling.num_iter = GENERATE(int64_t{1}, int64_t{4}, int64_t{30});
  sampling.cfg = GENERATE(1.0, 2.0);
  sampling.num_sampling_steps = 5;
  const auto together = sampled(model, request_of(seeds, c), sampling, seeds);
  const auto alone = sampled(model, request_of({12}, c.narrow(0, 1, 1)), sampling, {12});
  const double scale = together.abs().max().item<double>();
  CHECK(at::allclose(together[1], alone[0], 1e-3, 1e-3 * scale));
  CHECK_FALSE(at::allclose(together[0], together[1], 1e-2, 1e-2 * scale));
}

TEST_CASE("known tokens stay, the others are generated given them") {
  const Generator model;
  torch::manual_seed(7);
  const std::vector<uint64_t> seeds{3, 4};
  auto request = request_of(seeds, condition(2));
  request.known = at::randn({2, 10, 3});
  request.masked = 4;
  nn::MaskedSampling sampling;
  sampling.num_iter = 3;
  sampling.num_sampling_steps = 4;
  const auto tokens = sampled(model, request, sampling, seeds);
  const auto fresh = nn::keep_all_but_first(request.orders, 4).masked();
  const auto same = tokens.eq(request.known).all(2);
  CHECK(at::equal(same, fresh.logical_not()));
}

TEST_CASE("in bf16 the places come out nearly as in fp32") {
  Generator model;
  torch::manual_seed(8);
  const auto kept = nn::keep_all_but_first(nn::random_orders(2, 10), 7);
  const auto tokens = at::randn({2, 10, 3}), c = condition(2);
  const torch::NoGradGuard no_grad;
  const auto full = model.decode(model.encode(tokens, kept, c), kept);
  std::vector<at::Tensor> weights;
  for (const auto& parameter : model.parameters()) weights.push_back(parameter.clone());
  model.set_type(at::kBFloat16);
  const auto parameters = model.parameters();
  for (std::size_t i = 0; i < weights.size(); ++i) parameters[i].copy_(weights[i]);
  const auto half = model.decode(model.encode(tokens, kept, c), kept);
  CHECK(half.scalar_type() == at::kFloat);
  CHECK((half - full).norm().item<double>() < 0.02 * full.norm().item<double>());
}
