#include "graph/todyformer_model.h"

#include "support/test.h"

using namespace arzoo;
using namespace arzoo::graph;

namespace {

TodyformerOptions options_of(int64_t patches, int64_t global_layers) {
  TodyformerOptions options{.node_dim = 5, .time_dim = 4, .dim = 8, .ff = 12};
  options.patches = patches;
  options.global_layers = global_layers;
  return options;
}

Todyformer model_of(const TodyformerOptions& options) {
  torch::manual_seed(3);
  Todyformer model(options);
  model.eval();
  return model;
}

/// 12 events between 9 nodes, of which 8 has none.
EventWindow window() {
  return {at::tensor({0, 1, 2, 0, 3, 4, 5, 0, 6, 1, 2, 7}, at::kLong),
          at::tensor({1, 2, 3, 4, 4, 5, 6, 6, 7, 3, 0, 1}, at::kLong),
          at::arange(12, at::kDouble) * 10.0,
          {}};
}

at::Tensor features() {
  torch::manual_seed(4);
  return at::randn({9, 5});
}

}  // namespace

TEST_CASE(
    "event i of N lies in patch floor(i M / N), and rows are the pairs of node and patch that have one") {
  const auto patches = patchify(window(), 5);
  for (int64_t i = 0; i < 12; ++i) CHECK(patches.patch_of_event[i].item<int64_t>() == i * 5 / 12);
  for (int64_t message = 0; message < 24; ++message) {
    const auto row = patches.rows[patches.to[message].item<int64_t>()];
    CHECK(row[1].item<int64_t>() == patches.patch_of_event[message % 12].item<int64_t>());
    const auto& end = message < 12 ? window().target : window().source;
    CHECK(row[0].item<int64_t>() == end[message % 12].item<int64_t>());
  }
  CHECK(patches.rows.size(0) == at::scalar_tensor(patches.rows.size(0)).item<int64_t>());
  CHECK(patches.nodes.size(0) == 8);
  const auto newest = patches.rows.index_select(0, patches.newest);
  CHECK(at::equal(newest.select(1, 0), patches.nodes));
  CHECK_THROWS_AS(patchify(window(), 13), std::logic_error);
}

TEST_CASE("the local encoder passes no message between patches, the global one does") {
  const int64_t global_layers = GENERATE(0, 1);
  const auto model = model_of(options_of(2, global_layers));
  const auto x = features();
  const torch::NoGradGuard no_grad;
  const auto before = model.encode(window(), x);
  auto changed = window();
  changed.target = changed.target.clone();
  changed.target[0] = 5;  // in the first patch
  const auto after = model.encode(changed, x);
  // Node 0 has events in both patches, its state is of the second.
  const bool same = at::allclose(before.states[0], after.states[0], 0.0, 1e-7);
  CHECK(same == (global_layers == 0));
}

TEST_CASE("states depend on how long ago events were, not on when") {
  const auto model = model_of(options_of(3, 1));
  auto later = window();
  later.time = later.time + 1e9;
  const torch::NoGradGuard no_grad;
  CHECK(at::allclose(model.encode(window(), features()).states, model.encode(later, features()).states, 0.0,
                     1e-6));
}

TEST_CASE("a patch's position matters, and without a code of it does not") {
  const std::string pos = GENERATE("sincos", "time2vec", "none");
  auto options = options_of(4, 1);
  options.pos = pos;
  const auto model = model_of(options);
  const torch::NoGradGuard no_grad;
  const auto order = at::tensor({2, 0, 3, 1}, at::kLong);
  const auto plain = model.encode(window(), features()).states,
             shuffled = model.encode(window(), features(), order).states;
  CHECK(at::allclose(plain, shuffled, 0.0, 1e-7) == (pos == "none"));
}

TEST_CASE("a node without events has a state of zeros or of its features") {
  auto options = options_of(2, 1);
  const std::string absent = GENERATE("zeros", "features");
  options.absent = absent;
  const auto model = model_of(options);
  const torch::NoGradGuard no_grad;
  const auto known = model.encode(window(), features());
  const auto states = model.states_of(known, at::tensor({8, 3}, at::kLong), features());
  CHECK((states[0].abs().max().item<double>() == 0.0) == (absent == "zeros"));
  CHECK(at::equal(states[1], known.states[3]));
}

TEST_CASE("softmax over a node's messages is attention over them") {
  auto options = options_of(1, 0);
  options.local_layers = 1;
  const auto model = model_of(options);
  const auto patches = patchify(window(), 1);
  const LocalLayer layer(8, 4, 2);
  torch::manual_seed(5);
  const auto h = at::randn({8, 8}), z = at::randn({12, 4});
  const torch::NoGradGuard no_grad;
  const auto own = layer.forward(h, z, patches);
  const auto weights = layer.named_parameters();
  const auto map = [&](const std::string& name, const at::Tensor& x) {
    return at::linear(x, weights[name + ".weight"],
                      weights.contains(name + ".bias") ? weights[name + ".bias"] : at::Tensor());
  };
  for (int64_t row = 0; row < 8; ++row) {
    const auto received = patches.to.eq(row).nonzero().squeeze(1);
    const auto inputs = at::cat({h.index_select(0, patches.from.index_select(0, received)),
                                 z.repeat({2, 1}).index_select(0, received)},
                                1);
    const auto q = map("lin_q", h[row]).view({2, 1, 4});
    const auto k = map("lin_k", inputs).view({-1, 2, 4}).transpose(0, 1),
               v = map("lin_v", inputs).view({-1, 2, 4}).transpose(0, 1);
    const auto mixed = at::matmul(at::softmax(at::matmul(q, k.transpose(1, 2)) / 2.0, -1), v).reshape({8});
    CHECK(at::allclose(own[row], map("lin_self", h[row]) + map("lin_out", mixed), 1e-5, 1e-6));
  }
}
