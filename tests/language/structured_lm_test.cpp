#include "language/structured_model.h"

#include <cmath>

#include "kernels/rope.h"
#include "support/test.h"

using namespace arzoo;
using language::StructuredLm;
using language::StructuredOptions;

namespace {

StructuredOptions tiny_structured() {
  StructuredOptions options;
  options.vocab_size = 19;
  options.rank = 6;
  options.nblocks = 3;
  options.hidden_dim = 12;
  options.attn_dim = 24;
  options.ffn_dim = 18;
  options.num_q_heads = 4;
  options.num_kv_heads = 2;
  options.num_layers = 3;
  options.max_position_embeddings = 16;
  return options;
}

std::shared_ptr<StructuredLm> model_of(const StructuredOptions& options) {
  torch::manual_seed(1);
  options.check();
  auto model = std::make_shared<StructuredLm>(options);
  model->initialise();
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model->parameters()) parameter.add_(at::randn_like(parameter) * 0.2);
  model->eval();
  return model;
}

/// The official module's equations, written out one by one on the model's own parameters.
class PlainForward {
 public:
  PlainForward(const StructuredLm& model, const StructuredOptions& options)
      : options_(options), maps_(model.maps()), parameters_(model.named_parameters()) {}

  at::Tensor logits(const at::Tensor& ids) {
    auto x = at::embedding(at("model.wte.weight"), ids);
    for (int64_t i = 0; i < options_.num_layers; ++i) {
      const auto layer = fmt::format("model.layers.{}.", i);
      x = x + linear(attention(norm(x, layer + "ln1"), layer, i), layer + "o_linear");
      const auto up = map(norm(x, layer + "ln2"), i, "fc1");
      const auto hidden =
          options_.act == "swiglu" ? at::silu(up.chunk(2, -1)[0]) * up.chunk(2, -1)[1] : gelu(up);
      x = x + map(hidden, i, "fc2");
    }
    return at::linear(norm(x, "model.ln_f"), at("model.wte.weight"));
  }

 private:
  at::Tensor at(const std::string& name) { return parameters_[name]; }
  at::Tensor optional(const std::string& name) {
    const auto* found = parameters_.find(name);
    return found == nullptr ? at::Tensor() : *found;
  }
  at::Tensor linear(const at::Tensor& x, const std::string& name) {
    const auto y = at::matmul(x, at(name + ".weight").t());
    return options_.bias ? y + at(name + ".bias") : y;
  }
  at::Tensor norm(const at::Tensor& x, const std::string& name) {
    if (options_.ln == "layernorm")
      return at::layer_norm(x, {x.size(-1)}, at(name + ".weight"), at(name + ".bias"), 1e-5);
    return x * at::rsqrt(x.square().mean(-1, true) + 1e-5) * at(name + ".weight");
  }
  static at::Tensor gelu(const at::Tensor& x) {
    return 0.5 * x * (1.0 + at::tanh(0.79788456 * x * (1.0 + 0.044715 * x * x)));
  }
  at::Tensor map(const at::Tensor& x, int64_t layer, const std::string& name) {
    const auto full = fmt::format("model.layers.{}.mlp.{}", layer, name);
    if (const auto dense = optional(full + ".weight"); dense.defined()) return linear(x, full);
    const auto weight = maps_[static_cast<std::size_t>(2 * (layer - 1) + (name == "fc2" ? 1 : 0))]->merged();
    const auto y = at::matmul(x, weight.t());
    return options_.bias ? y + at(full + ".bias") : y;
  }
  at::Tensor attention(const at::Tensor& x, const std::string& layer, int64_t index) {
    const int64_t head = options_.attn_dim / options_.num_q_heads, groups = options_.num_kv_heads;
    const auto parts = linear(x, layer + "qkv_linear")
                           .split_with_sizes({options_.attn_dim, groups * head, groups * head}, -1);
    const auto heads = [&](const at::Tensor& y) { return y.unflatten(-1, {-1, head}).transpose(1, 2); };
    const int64_t times = options_.num_q_heads / groups, tokens = x.size(1);
    const auto q = turned(heads(parts[0])), k = turned(heads(parts[1])).repeat_interleave(times, 1),
               v = heads(parts[2]).repeat_interleave(times, 1);
    auto scores = at::matmul(q, k.transpose(-2, -1)) / std::sqrt(static_cast<double>(head));
    if (options_.scale_attn_by_inverse_layer_idx) scores = scores / static_cast<double>(index + 1);
    scores = scores.masked_fill(at::ones({tokens, tokens}, at::kBool).triu(1), -INFINITY);
    return at::matmul(at::softmax(scores, -1), v).transpose(1, 2).flatten(2);
  }
  /// The halves of a head turn together.
  at::Tensor turned(const at::Tensor& x) {
    const int64_t head = x.size(3), half = head / 2;
    auto places = at::arange(x.size(2), at::kFloat);
    if (const auto factor = options_.pos_emb.seq_len_interpolation_factor) places = places / *factor;
    const auto frequencies = at::pow(10000.0, -at::arange(half, at::kFloat) / static_cast<double>(half));
    const auto angles = at::outer(places, frequencies);
    const auto a = x.narrow(3, 0, half), b = x.narrow(3, half, half);
    return at::cat({a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()}, 3);
  }

  StructuredOptions options_;
  std::vector<std::shared_ptr<nn::StructuredLinear>> maps_;
  torch::OrderedDict<std::string, at::Tensor> parameters_;
};

}  // namespace

TEST_CASE("the model is the official module's equations, with every option") {
  const torch::NoGradGuard no_grad;
  auto options = tiny_structured();
  options.method = GENERATE(std::string("lowrank"), "blockdense", "blockshuffle");
  SECTION("layer norm, gelu, biases") {}
  SECTION("rms norm, swiglu, no biases") {
    options.ln = "rmsnorm";
    options.act = "swiglu";
    options.bias = false;
  }
  SECTION("layer norm keeps its bias where the maps have none") { options.bias = false; }
  SECTION("scores by layer, positions interpolated") {
    options.scale_attn_by_inverse_layer_idx = true;
    options.pos_emb.seq_len_interpolation_factor = 2.0;
  }
  const auto model = model_of(options);
  const auto ids = at::randint(19, {2, 11}, at::kLong);
  CHECK(at::allclose(model->logits(ids), PlainForward(*model, options).logits(ids), 1e-4, 1e-5));
}

TEST_CASE("learned positions and interpolated ones are the same token by token") {
  const c10::InferenceMode inference;
  auto options = tiny_structured();
  SECTION("learned") { options.pos_emb.name = "absolute"; }
  SECTION("interpolated, scores by layer") {
    options.pos_emb.seq_len_interpolation_factor = 4.0;
    options.scale_attn_by_inverse_layer_idx = true;
  }
  const auto model = model_of(options);
  CHECK(model->longest() == 16);
  const auto ids = at::randint(19, {2, 9}, at::kLong);
  const auto stream = model->stream(9);
  at::Tensor last;
  for (int64_t t = 0; t < ids.size(1); ++t) last = stream->read(ids.narrow(1, t, 1));
  CHECK(at::allclose(last, model->logits(ids).select(1, -1), 1e-4, 1e-5));
}

TEST_CASE("the guide's share falls from 1 to 0 over its part of the steps") {
  auto options = tiny_structured();
  options.guide.enabled = true;
  options.guide.max_step_ratio = 0.5;
  const auto model = model_of(options);
  const auto share = [&] { return model->named_buffers()["model.layers.1.mlp.fc1.ratio"].item<double>(); };
  model->prepare({0, 20});
  CHECK(share() == 1.0);
  model->prepare({5, 20});
  CHECK(share() == Approx(0.5));
  model->prepare({10, 20});
  CHECK(share() == 0.0);
  CHECK(StructuredLm::guide_share("linear", 3, 4) == Approx(0.25));
}

TEST_CASE("a run of as many operations has its guided steps once more") {
  language::SelfGuidedOptions guide{.enabled = true, .max_step_ratio = 0.5};
  CHECK(guide.guided_steps(100) == 50);
  guide.mode = "fixedflop";
  CHECK(guide.guided_steps(150) == 50);
}

TEST_CASE("dropout of what branches add is of training alone") {
  auto options = tiny_structured();
  const auto ids = at::randint(19, {2, 8}, at::kLong);
  const auto plain = model_of(options)->logits(ids);
  options.hidden_drop = 0.5;
  const auto model = model_of(options);
  const torch::NoGradGuard no_grad;
  CHECK((model->logits(ids) - plain).abs().max().item<double>() < 1e-6);
  model->train();
  CHECK((model->logits(ids) - plain).abs().max().item<double>() > 1e-3);
}
