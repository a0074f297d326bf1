#include "image/var_sampler.h"
#include "core/seeded_random.h"

#include "support/tensors.h"
#include "support/tiny_var.h"

using namespace arzoo;
using image::VarSampling;
using nn::SeededRandomInputs;
using test::classes;
using test::TinyVar;

namespace {

/// Remembers the tokens and the logits.
struct Record : image::SamplingObserver {
  std::vector<at::Tensor> logits, ids;
  void on_logits(std::size_t, const at::Tensor& scale) override { logits.push_back(scale.clone()); }
  void on_scale(std::size_t, const at::Tensor& scale, const at::Tensor&, const at::Tensor&) override {
    ids.push_back(scale);
  }
  at::Tensor all_ids() const { return at::cat(ids, 1); }
  int64_t cached = 0;
  void on_cached(int64_t bytes) override { cached = bytes; }
};

VarSampling usual(double cfg = 2.0) {
  VarSampling sampling;
  sampling.cfg_scale = cfg;
  sampling.scales = {{.top_k = 12, .top_p = 0.9, .temperature = 1.0}};
  return sampling;
}

at::Tensor sample(const image::VarSampler& sampler, const at::Tensor& labels, const VarSampling& sampling,
                  std::vector<uint64_t> seeds, Record* record = nullptr) {
  SeededRandomInputs random_inputs(std::move(seeds));
  return sampler.features(labels, sampling, random_inputs, record);
}

}  // namespace

TEST_CASE("a picture depends on its seed and class alone, not on its batch or the threads") {
  TinyVar tiny;
  const auto sampler = tiny.sampler();
  const auto seeds = item_seeds(7, 0, 3);
  Record together, alone, threaded;
  const auto features = sample(sampler, classes({1, 4, 2}), usual(), seeds, &together);
  sample(sampler, classes({4}), usual(), {seeds[1]}, &alone);
  CHECK(at::equal(alone.all_ids()[0], together.all_ids()[1]));
  const int before = at::get_num_threads();
  at::set_num_threads(before == 1 ? 2 : 1);
  sample(sampler, classes({1, 4, 2}), usual(), seeds, &threaded);
  at::set_num_threads(before);
  CHECK(at::equal(threaded.all_ids(), together.all_ids()));
  Record other;
  sample(sampler, classes({1, 4, 2}), usual(), item_seeds(8, 0, 3), &other);
  CHECK_FALSE(at::equal(other.all_ids(), together.all_ids()));
  const auto pictures = sampler.pictures(features);
  CHECK(pictures.sizes() == at::IntArrayRef({3, 3, 10, 10}));
  CHECK(pictures.min().item<double>() >= 0.0);
  CHECK(pictures.max().item<double>() <= 1.0);
}

TEST_CASE("sampling with a cache sees what teacher forcing sees, whatever the attention and the modulation") {
  auto options = test::tiny_var_options();
  options.attn_l2_norm = GENERATE(true, false);
  options.shared_aln = GENERATE(true, false);
  TinyVar tiny(options);
  const auto labels = classes({0, 3});
  // The last two of four scales pass through the whole network, or through two or three of its four blocks.
  const int64_t depth = GENERATE(4, 2, 3);
  const image::SubNetwork part{2, image::nested_blocks(4, depth)};
  auto sampling = usual(3.0);
  sampling.depths = {4, 4, depth, depth};
  Record record;
  sample(tiny.sampler(), labels, sampling, item_seeds(1, 0, 2), &record);
  const torch::NoGradGuard no_grad;
  const auto maps = tiny.vae.quantizer().teacher_input(record.ids, tiny.model.grids());
  const auto logits = [&](const at::Tensor& of) { return tiny.model.forward(of, maps, {}, nullptr, &part); };
  const auto with_class = logits(labels), without = logits(at::full_like(labels, tiny.model.null_class()));
  int64_t begin = 0;
  for (std::size_t k = 0; k < record.logits.size(); ++k) {
    const int64_t tokens = tiny.model.grids()[k].tokens();
    const double t = 3.0 * static_cast<double>(k) / 3.0;
    const auto expected =
        with_class.narrow(1, begin, tokens) * (1.0 + t) - without.narrow(1, begin, tokens) * t;
    INFO("scale " << k);
    CHECK(at::allclose(record.logits[k], expected, 1e-4, 1e-4));
    begin += tokens;
  }
}

TEST_CASE("a drafter and a refiner of the same weights generate what one model generates") {
  TinyVar tiny, twin;
  const int64_t steps = GENERATE(1, 2, 3);
  Record one, two;
  sample(tiny.sampler(), classes({2, 0}), usual(), item_seeds(3, 0, 2), &one);
  auto sampler = tiny.sampler();
  sampler.refine_with(twin.model, steps);
  sample(sampler, classes({2, 0}), usual(), item_seeds(3, 0, 2), &two);
  CHECK(at::equal(one.all_ids(), two.all_ids()));
  CHECK_THROWS_AS(sampler.refine_with(twin.model, 4), UsageError);
  CHECK_THROWS_AS(sampler.refine_with(twin.model, 0), UsageError);
}

TEST_CASE("a depth schedule of all blocks changes nothing, and blocks that it skips do not count") {
  TinyVar tiny, cut;
  Record full, scheduled, spoilt;
  const auto labels = classes({1});
  auto sampling = usual();
  sample(tiny.sampler(), labels, sampling, item_seeds(5, 0, 1), &full);
  sampling.depths = {4, 4, 4, 4};
  sample(tiny.sampler(), labels, sampling, item_seeds(5, 0, 1), &scheduled);
  CHECK(at::equal(full.all_ids(), scheduled.all_ids()));
  // With two of four blocks the first and the last remain.
  sampling.depths = {2, 2, 2, 2};
  Record half;
  sample(tiny.sampler(), labels, sampling, item_seeds(5, 0, 1), &half);
  const torch::NoGradGuard no_grad;
  for (const auto& entry : cut.model.named_parameters()) {
    if (entry.key().starts_with("blocks.1.") || entry.key().starts_with("blocks.2."))
      at::Tensor(entry.value()).fill_(9.0);
  }
  sample(cut.sampler(), labels, sampling, item_seeds(5, 0, 1), &spoilt);
  CHECK(at::equal(half.all_ids(), spoilt.all_ids()));
  sampling.depths = {4, 4, 4, 5};
  CHECK_THROWS_AS(sample(tiny.sampler(), labels, sampling, item_seeds(5, 0, 1)), UsageError);
}

TEST_CASE("the cache holds the keys and values that a block sees and no more") {
  TinyVar tiny, twin;
  const auto labels = classes({1, 0, 2});
  const auto cached = [&](const image::VarSampler& sampler, const VarSampling& sampling) {
    Record record;
    sample(sampler, labels, sampling, item_seeds(5, 0, 3), &record);
    // Key and value, of each row of 32 floats, of three pictures and their null class.
    return record.cached / (2 * 32 * 4 * 6);
  };
  auto sampling = usual();
  CHECK(cached(tiny.sampler(), sampling) == 4 * (1 + 4 + 9 + 25));
  sampling.depths = {4, 4, 2, 2};
  CHECK(cached(tiny.sampler(), sampling) == 4 * (1 + 4) + 2 * (9 + 25));
  // What was drafted passes through a refiner's blocks with the refiner's first scale.
  auto sampler = tiny.sampler();
  sampler.refine_with(twin.model, 2);
  CHECK(cached(sampler, sampling) == 2 * (1 + 4 + 9 + 25));
  sampling.depths = {};
  sampling.cfg_scale = 0.0;
  CHECK(2 * cached(tiny.sampler(), sampling) == 4 * (1 + 4 + 9 + 25));
}

TEST_CASE("a pruned scale caches the tokens that it computes, and changes no scale before it") {
  TinyVar tiny;
  const auto labels = classes({1, 0, 2});
  const auto record_of = [&](std::vector<double> pruned) {
    auto sampling = usual();
    sampling.pruned = std::move(pruned);
    Record record;
    sample(tiny.sampler(), labels, sampling, item_seeds(5, 0, 3), &record);
    return record;
  };
  const auto all = record_of({}), none = record_of({0, 0, 0, 0}), half = record_of({0, 0, 0, 0.5}),
             late = record_of({0.9, 0, 0.3, 0.6});
  CHECK(at::equal(all.all_ids(), none.all_ids()));
  const auto tokens = [](const Record& record) { return record.cached / (2 * 32 * 4 * 6); };
  CHECK(tokens(half) == 4 * (1 + 4 + 9 + 13));
  CHECK(tokens(late) == 4 * (1 + 4 + 6 + 10));
  for (std::size_t k = 0; k < 3; ++k) CHECK(at::equal(half.ids[k], all.ids[k]));
  CHECK(at::equal(half.logits[2], all.logits[2]));
  CHECK_FALSE(at::allclose(half.logits[3], all.logits[3], 1e-4, 1e-4));
  CHECK(at::equal(late.ids[1], all.ids[1]));
}

TEST_CASE("nested sub-networks are spread evenly and keep the first and the last block") {
  const auto [used, blocks] = GENERATE(table<int64_t, std::vector<int64_t>>(
      {{1, {0}}, {2, {0, 29}}, {4, {0, 9, 19, 29}}, {8, {0, 4, 8, 12, 16, 20, 24, 29}}}));
  CHECK(image::nested_blocks(30, used) == blocks);
}

TEST_CASE("known tokens stay and the rest is generated around them") {
  TinyVar tiny;
  image::KnownTokens known;
  for (const auto& grid : tiny.model.grids()) {
    known.ids.push_back(at::full({1, grid.tokens()}, 7, at::kLong));
    known.known.push_back(at::arange(grid.tokens()).remainder(2).eq(0).view({1, -1}));
  }
  auto sampler = tiny.sampler();
  sampler.keep(&known);
  Record record;
  sample(sampler, classes({1, 1}), usual(), item_seeds(2, 0, 2), &record);
  for (std::size_t k = 0; k < record.ids.size(); ++k)
    CHECK(record.ids[k].masked_select(known.known[k]).eq(7).all().item<bool>());
  CHECK_FALSE(record.all_ids().eq(7).all().item<bool>());
}

TEST_CASE("what does not fit is refused") {
  TinyVar tiny;
  auto options = test::tiny_var_options();
  options.vae.vocab_size = 21;
  image::Vqvae other(options.vae);
  CHECK_THROWS_AS(image::VarSampler(other, tiny.model), CheckpointError);
  const auto label = GENERATE(int64_t{-1}, int64_t{6});
  CHECK_THROWS_AS(tiny.model.begin(classes({label}), true), UsageError);
  CHECK_THROWS_AS(tiny.vae.features(at::zeros({1, 3, 9, 10})), DataError);
}
