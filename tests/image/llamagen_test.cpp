#include <cmath>

#include "core/error.h"
#include "image/eagle_head.h"
#include "image/llamagen_decoding.h"
#include "image/llamagen_files.h"
#include "nn/exponential_race.h"
#include "support/tensors.h"
#include "support/tiny_llamagen.h"

using namespace arzoo;
using namespace arzoo::image;
using test::classes;
using test::tiny_captioned_options;
using test::tiny_llamagen_options;
using test::TinyLlamaGen;
using test::worst;

namespace {

constexpr double kRounding = 1e-5;

at::Tensor some_ids(int64_t batch, int64_t tokens, int64_t codes = 24) {
  return at::randint(codes, {batch, tokens}, at::kLong);
}

/// A caption of random features, its first `padding` tokens zeros.
LlamaGenCondition caption(const LlamaGenOptions& options, int64_t padding) {
  auto features = at::randn({1, options.cls_token_num, options.caption_dim});
  auto mask = at::ones({1, options.cls_token_num});
  features.narrow(1, 0, padding).zero_();
  mask.narrow(1, 0, padding).zero_();
  return {.captions = features, .caption_mask = mask};
}

/// Without value embeddings and with those of each kind.
LlamaGenOptions any_value_memory() {
  auto options = tiny_llamagen_options();
  options.value_memory.kind = GENERATE(as<std::string>{}, "none", "move", "lave");
  if (options.value_memory.kind == "move") options.value_memory.slots = 3;
  return options;
}

}  // namespace

TEST_CASE("a LlamaGen's logits token by token are those of all at once, guided and not") {
  TinyLlamaGen tiny(any_value_memory());
  const torch::NoGradGuard no_grad;
  const auto labels = classes({3, 0});
  const auto ids = some_ids(2, 16);
  const double cfg = GENERATE(1.0, 2.5);
  const auto expected =
      cfg > 1.0 ? tiny.model.guided_logits(labels, ids, cfg) : tiny.model.forward({.labels = labels}, ids);
  LlamaGenStream stream(tiny.model, {.labels = labels}, {.cfg = cfg});
  std::vector<at::Tensor> logits{stream.begin().unsqueeze(1)};
  logits.push_back(stream.read(ids.narrow(1, 0, 1)));
  logits.push_back(stream.read(ids.narrow(1, 1, 14)));
  CHECK(worst(at::cat(logits, 1), expected) < kRounding);
  CHECK(stream.passes() == 3);
  CHECK(stream.length() == 15);
}

TEST_CASE("guidance ends after the interval's tokens") {
  TinyLlamaGen tiny;
  const torch::NoGradGuard no_grad;
  const auto labels = classes({1});
  const auto ids = some_ids(1, 16);
  const auto guided = tiny.model.guided_logits(labels, ids, 3.0),
             alone = tiny.model.forward({.labels = labels}, ids);
  LlamaGenStream stream(tiny.model, {.labels = labels}, {.cfg = 3.0, .interval = 4});
  const auto logits = at::cat({stream.begin().unsqueeze(1), stream.read(ids.narrow(1, 0, 15))}, 1);
  CHECK(worst(logits.narrow(1, 0, 6), guided.narrow(1, 0, 6)) < kRounding);
  CHECK(worst(logits.narrow(1, 6, 10), alone.narrow(1, 6, 10)) < kRounding);
}

TEST_CASE("a tree of drafts sees what each of its paths would see, and the accepted path stays") {
  TinyLlamaGen tiny(any_value_memory());
  const torch::NoGradGuard no_grad;
  const auto labels = classes({2});
  const LlamaGenGuidance guidance{.cfg = 1.5};
  LlamaGenStream stream(tiny.model, {.labels = labels}, guidance);
  stream.begin();
  stream.read(classes({4, 9}).unsqueeze(0));
  // 7 -> {3 -> 5, 8}
  auto drafts = nn::DraftTree::of_root(7);
  const auto three = drafts.add(3, 0);
  drafts.add(8, 0);
  drafts.add(5, three);
  const auto tree = LlamaGenStream::read_together({&stream}, {drafts}).unsqueeze(0);
  const auto chain = [&](const std::vector<int64_t>& tokens) {
    LlamaGenStream other(tiny.model, {.labels = labels}, guidance);
    other.begin();
    return other.read(classes(tokens).unsqueeze(0));
  };
  const auto first = chain({4, 9, 7, 3, 5}), second = chain({4, 9, 7, 8});
  CHECK(worst(tree.select(1, 0), first.select(1, 2)) < kRounding);
  CHECK(worst(tree.select(1, 3), first.select(1, 4)) < kRounding);
  CHECK(worst(tree.select(1, 2), second.select(1, 3)) < kRounding);
  stream.keep(2, {0, 2});
  CHECK(stream.length() == 4);
  CHECK(worst(stream.read(classes({11}).unsqueeze(0)), chain({4, 9, 7, 8, 11}).narrow(1, 4, 1)) < kRounding);
}

TEST_CASE("pictures that pass through the model together do not see one another") {
  const bool captioned = GENERATE(false, true);
  TinyLlamaGen tiny(captioned ? tiny_captioned_options() : any_value_memory());
  const torch::NoGradGuard no_grad;
  const LlamaGenGuidance guidance{.cfg = 1.5};
  std::vector<std::unique_ptr<LlamaGenStream>> together, alone;
  std::vector<LlamaGenStream*> all;
  for (int64_t i = 0; i < 3; ++i) {
    const auto condition =
        captioned ? caption(tiny.model.options(), i) : LlamaGenCondition{.labels = classes({i})};
    together.push_back(std::make_unique<LlamaGenStream>(tiny.model, condition, guidance));
    alone.push_back(std::make_unique<LlamaGenStream>(tiny.model, condition, guidance));
    all.push_back(together.back().get());
  }
  const auto first = LlamaGenStream::begin_together(all);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(worst(first.narrow(0, static_cast<int64_t>(i), 1), alone[i]->begin()) < kRounding);
  // A tree, nothing, and a chain; then the row that waited goes on.
  auto tree = nn::DraftTree::of_root(4), chain = nn::DraftTree::of_root(9);
  tree.add(1, 0);
  tree.add(2, 0);
  chain.add(6, chain.add(5, 0));
  const auto logits = LlamaGenStream::read_together(all, {tree, {}, chain});
  CHECK(worst(logits.narrow(0, 3, 3), alone[2]->read(classes({9, 5, 6}).unsqueeze(0))[0]) < kRounding);
  CHECK(worst(logits[2], alone[0]->read(classes({4, 2}).unsqueeze(0))[0][1]) < kRounding);
  all[0]->keep(0, {0, 2});
  const auto next = LlamaGenStream::read_together(
      all, {nn::DraftTree::of_root(3), nn::DraftTree::of_root(7), nn::DraftTree::of_root(8)});
  const int64_t ids[] = {3, 7, 8};
  for (std::size_t i = 0; i < 3; ++i) {
    INFO(i);
    CHECK(worst(next[static_cast<int64_t>(i)], alone[i]->read(classes({ids[i]}).unsqueeze(0))[0][0]) <
          kRounding);
    CHECK(all[i]->length() == alone[i]->length());
  }
}

TEST_CASE("value embeddings are of the picture's tokens and start with gates of 1") {
  auto options = tiny_llamagen_options();
  options.value_memory.kind = "move";
  LlamaGen model(options);
  model.initialise();
  model.eval();
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model.named_parameters()) {
    if (parameter.key() == "output.weight") parameter.value().normal_(0.0, 0.02);
    if (parameter.key().find("move_gate") != std::string::npos)
      CHECK(parameter.value().count_nonzero().item<int64_t>() == 0);
  }
  const auto ids = some_ids(2, 16);
  const LlamaGenCondition condition{.labels = classes({3, 0})};
  const auto before = model.forward(condition, ids);
  for (auto& parameter : model.named_parameters()) {
    if (parameter.key() == "value_embeddings.weight") parameter.value().add_(0.1);
  }
  const auto after = model.forward(condition, ids);
  CHECK(worst(before.narrow(1, 0, 1), after.narrow(1, 0, 1)) == 0.0);  // of the class alone
  CHECK(worst(before.narrow(1, 1, 15), after.narrow(1, 1, 15)) > 1e-4);
}

TEST_CASE("a caption's padding changes nothing") {
  TinyLlamaGen tiny(tiny_captioned_options());
  const torch::NoGradGuard no_grad;
  const auto condition = caption(tiny.model.options(), 2);
  const auto ids = some_ids(1, 16);
  auto other = condition;
  other.captions = condition.captions.clone();
  other.captions.narrow(1, 0, 2).normal_();
  CHECK(worst(tiny.model.forward(condition, ids), tiny.model.forward(other, ids)) < kRounding);
  LlamaGenStream stream(tiny.model, condition, {.cfg = 1.0});
  const auto logits = at::cat({stream.begin().unsqueeze(1), stream.read(ids.narrow(1, 0, 15))}, 1);
  CHECK(worst(logits, tiny.model.forward(condition, ids)) < kRounding);
}

TEST_CASE("a training pass of a LlamaGen loses some conditions, and its first loss is that of chance") {
  auto options = tiny_llamagen_options();
  LlamaGen model(options);
  torch::manual_seed(1);
  model.initialise();
  const auto losses = model.loss({.labels = classes({0, 1, 2})}, some_ids(3, 16));
  CHECK(losses.total.item<double>() == Approx(std::log(24.0)));
  const auto dropped = model.dropped({.labels = classes({0, 1, 2})}, at::tensor({0.05F, 0.2F, 0.09F})).labels;
  CHECK(at::equal(dropped, classes({5, 1, 5})));
}

TEST_CASE("given tokens stay, in every way of decoding") {
  TinyLlamaGen tiny;
  const LlamaGenSampling sampling{.guidance = {.cfg = 1.5}};
  const auto ids = some_ids(1, 16);
  GivenTokens given{ids, at::zeros({1, 16}, at::kBool)};
  given.known.narrow(1, 0, 5).fill_(true);
  given.known[0][9] = true;
  const std::string decode = GENERATE("one_by_one", "jacobi", "sjd", "speculative");
  const std::vector<uint64_t> seeds{5};
  at::Tensor tokens;
  if (decode == "one_by_one") {
    LlamaGenSampler sampler(tiny.vae, tiny.model);
    sampler.keep(&given);
    nn::ExponentialRace race(seeds);
    tokens = sampler.tokens({.labels = classes({1})}, sampling, race);
  } else {
    nn::DraftCounts counts;
    const LlamaGenDrafts drafts{.decode = decode, .window = 6, .drafter = &tiny.model};
    tokens =
        tokens_with_drafts(tiny.model, {.labels = classes({1})}, sampling, drafts, seeds, &given, counts);
  }
  CHECK(at::equal(tokens.masked_select(given.known), ids.masked_select(given.known)));
}

TEST_CASE("tokens that are given are drafted as they are") {
  TinyLlamaGen tiny;
  const auto ids = some_ids(1, 16);
  const GivenTokens given{ids, at::ones({1, 16}, at::kBool)};
  image::EagleOptions options;
  options.target = tiny.model.options();
  EagleHead head(options);
  head.start_from(tiny.model);
  head.eval();
  const std::string decode = GENERATE("jacobi", "sjd", "speculative", "eagle");
  LlamaGenDrafts drafts{.decode = decode, .window = 4, .drafts = 3, .drafter = &tiny.model, .head = &head};
  drafts.tree = {.top_k = 3, .depth = 2, .total_token = 9};
  nn::DraftCounts counts;
  const auto tokens = tokens_with_drafts(tiny.model, {.labels = classes({1})}, {.guidance = {.cfg = 1.5}},
                                         drafts, {5}, &given, counts);
  CHECK(at::equal(tokens, ids));
  CHECK(counts.passes == 1 + 4);  // the class, then 4 + 4 + 4 + 3 tokens
}

TEST_CASE("Jacobi decoding with shared noise gives the tokens of one by one") {
  TinyLlamaGen tiny;
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  LlamaGenSampling sampling{.guidance = {.cfg = 2.0}};
  sampling.tokens.top_k = 12;
  const LlamaGenSampler sampler(tiny.vae, tiny.model);
  const auto window = GENERATE(int64_t{1}, int64_t{3}, int64_t{8}, int64_t{40});
  const auto fresh = GENERATE(nn::FreshDraft::random, nn::FreshDraft::left, nn::FreshDraft::upper);
  for (uint64_t seed = 0; seed < 4; ++seed) {
    nn::ExponentialRace race({seed});
    const auto one = sampler.tokens({.labels = classes({4})}, sampling, race);
    nn::DraftCounts counts;
    const LlamaGenDrafts drafts{.decode = "jacobi", .window = window, .fresh = fresh};
    CHECK(at::equal(
        tokens_with_drafts(tiny.model, {.labels = classes({4})}, sampling, drafts, {seed}, nullptr, counts),
        one));
    CHECK(counts.passes <= 16);
    CHECK(counts.tokens == 16);
  }
  at::set_num_threads(before);
}

TEST_CASE("pictures decoded together are those decoded alone, and take as many passes") {
  TinyLlamaGen tiny;
  const int before = at::get_num_threads();
  at::set_num_threads(GENERATE(1, 2));
  const LlamaGenSampling sampling{.guidance = {.cfg = 2.0}};
  image::EagleOptions options;
  options.target = tiny.model.options();
  EagleHead head(options);
  head.start_from(tiny.model);
  head.eval();
  const std::string decode = GENERATE("jacobi", "sjd", "speculative", "eagle", "drawn tree");
  const bool drawn = decode == "drawn tree";
  LlamaGenDrafts drafts{
      .decode = drawn ? "eagle" : decode, .window = 5, .drafter = &tiny.model, .head = &head};
  drafts.tree = {.top_k = 3, .depth = 2, .total_token = 9};
  if (drawn) drafts.tree.paths = drawn_paths(drafts.tree);
  const std::vector<int64_t> labels{4, 0, 2};
  const std::vector<uint64_t> seeds{11, 12, 13};
  nn::DraftCounts together, alone;
  const auto all =
      tokens_with_drafts(tiny.model, {.labels = classes(labels)}, sampling, drafts, seeds, nullptr, together);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto one = tokens_with_drafts(tiny.model, {.labels = classes({labels[i]})}, sampling, drafts,
                                        {seeds[i]}, nullptr, alone);
    CHECK(at::equal(all.narrow(0, static_cast<int64_t>(i), 1), one));
  }
  CHECK(together.passes == alone.passes);
  CHECK(together.drafter_passes == alone.drafter_passes);
  CHECK(together.accepted == alone.accepted);
  if (decode == "jacobi") {
    nn::ExponentialRace race(seeds);
    CHECK(at::equal(LlamaGenSampler(tiny.vae, tiny.model).tokens({.labels = classes(labels)}, sampling, race),
                    all));
  }
  at::set_num_threads(before);
}

TEST_CASE("a drawn tree has other samples beside the nodes of one path") {
  using Paths = std::vector<std::vector<int64_t>>;
  CHECK(drawn_paths({.top_k = 2, .depth = 2, .total_token = 20}) ==
        Paths{{0}, {1}, {0, 0}, {0, 1}, {0, 0, 0}, {0, 0, 1}});
  CHECK(drawn_paths({.top_k = 3, .depth = 9, .total_token = 6}) == Paths{{0}, {1}, {2}, {0, 0}, {0, 1}});
}

TEST_CASE("a drafter that is the model itself has every draft accepted") {
  TinyLlamaGen tiny;
  nn::DraftCounts counts;
  const LlamaGenDrafts drafts{.decode = "speculative", .drafts = 4, .drafter = &tiny.model};
  tokens_with_drafts(tiny.model, {.labels = classes({4, 1})}, {}, drafts, {1, 2}, nullptr, counts);
  CHECK(counts.passes == 2 * (1 + 3));  // the class, then 5 + 5 + 5 tokens
  CHECK(counts.accepted == counts.offered);
}

TEST_CASE("what a LlamaGen cannot be asked for is refused") {
  auto options = tiny_llamagen_options();
  options.class_dropout_prob = 0.0;
  const LlamaGen plain(options);
  CHECK_THROWS_AS(LlamaGenStream(plain, {.labels = classes({0})}, {.cfg = 2.0}), UsageError);
  TinyLlamaGen tiny;
  CHECK_THROWS_AS(LlamaGenStream(tiny.model, {.labels = classes({6})}, {}), UsageError);
  CHECK_THROWS_AS(LlamaGenStream(tiny.model, {.captions = at::zeros({1, 1, 6})}, {}), UsageError);
  auto other = options.vae;
  other.codebook_size = 30;
  LlamaGenVq vae(other);
  CHECK_THROWS_AS(LlamaGenSampler(vae, tiny.model), CheckpointError);
}

TEST_CASE("a LlamaGen's options are read off its weights") {
  const auto kind = GENERATE(0, 1, 2, 3, 4);
  auto options = kind == 1 ? tiny_captioned_options() : tiny_llamagen_options();
  options.dim = 128;  // two published heads
  options.block_size = 256;
  options.num_classes = kind == 1 ? options.num_classes : 7;
  if (kind == 2) options.n_kv_head = 1;
  if (kind == 3) options.value_memory = {.kind = "move", .slots = 3};
  if (kind == 4) options.value_memory = {.kind = "lave"};
  const auto read = llamagen_options_of(runtime::state_dict(LlamaGen(options)));
  CHECK(read.dim == 128);
  CHECK(read.n_layer == 2);
  CHECK(read.n_head == 2);
  CHECK(read.n_kv_head == options.n_kv_head);
  CHECK(read.value_memory.kind == options.value_memory.kind);
  CHECK(read.value_memory.slots == options.value_memory.slots);
  CHECK(read.hidden_width() == options.hidden_width());
  CHECK(read.model_type == options.model_type);
  CHECK(read.cls_token_num == options.cls_token_num);
  CHECK(read.vocab_size == 24);
  CHECK(read.block_size == 256);
  if (kind != 1) CHECK(read.num_classes == 7);
  if (kind == 1) CHECK(read.caption_dim == 6);
}

TEST_CASE("the number of tokens is read off a published file's name, or its rotary table") {
  const auto with = [](const char* where, const at::Tensor& table) {
    runtime::NamedTensors weights(where);
    for (const auto& [name, tensor] : runtime::state_dict(LlamaGen(tiny_llamagen_options())))
      weights.add(name, tensor);
    if (table.defined()) weights.add("freqs_cis", table);
    return llamagen_options_of(weights).block_size;
  };
  CHECK(with("models/c2i_B_384.pt", {}) == 576);
  CHECK(with("models/c2i_B_256.pt", {}) == 256);
  CHECK(with("weights.pt", {}) == 256);
  CHECK(with("c2i_B_384.pt", at::zeros({17, 8, 2})) == 16);
}
