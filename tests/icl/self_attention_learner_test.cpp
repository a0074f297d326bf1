#include "icl/self_attention_learner.h"

#include <algorithm>

#include "icl/akyurek_causal_lm.h"
#include "icl/function_learners.h"
#include "support/test.h"

using namespace arzoo;
using icl::AkyurekOptions;
using icl::SelfAttentionLearner;
using icl::VonOswaldOptions;

namespace {

constexpr int64_t kTokenWidth = 5;

/// Two layers of their own weights, with everything that can stand around them.
VonOswaldOptions rich_options() {
  VonOswaldOptions options;
  options.num_layers = 2;
  options.num_heads = 2;
  options.key_size = 4;
  options.deq = false;
  options.att_only_trans = false;
  options.layer_norm = true;
  options.in_proj = true;
  options.emb_size = 6;
  return options;
}

SelfAttentionLearner rich_learner(const VonOswaldOptions& options) {
  torch::manual_seed(3);
  SelfAttentionLearner learner(options, kTokenWidth);
  const torch::NoGradGuard no_grad;
  for (auto& parameter : learner.parameters()) parameter.copy_(0.3 * at::randn_like(parameter));
  return learner;
}

at::Tensor prompts() {
  torch::manual_seed(4);
  return at::randn({3, 7, kTokenWidth});
}

std::vector<std::string> parameter_names(const torch::nn::Module& module) {
  std::vector<std::string> names;
  for (const auto& parameter : module.named_parameters()) names.push_back(parameter.key());
  return names;
}

int64_t count_ending(const std::vector<std::string>& names, const std::string& end) {
  return std::count_if(names.begin(), names.end(), [&](const auto& name) { return name.ends_with(end); });
}

}  // namespace

TEST_CASE("use_bias decides on every linear map's bias, those of the embedding and of the MLP too") {
  auto options = rich_options();
  options.use_bias = GENERATE(false, true);
  const auto names = parameter_names(rich_learner(options));
  // The embedding, two layers of four maps, and the two maps of the MLP that the layers share.
  CHECK(count_ending(names, "/w") == 11);
  CHECK(count_ending(names, "/b") == (options.use_bias ? 11 : 0));
}

TEST_CASE("dampening scales what attention and the MLP add") {
  auto options = rich_options();
  options.deq = GENERATE(false, true);
  options.dampening = 0.0;
  const auto learner = rich_learner(options);
  icl::SelfAttentionTrace trace;
  const auto first = learner.forward(prompts(), &trace);
  CHECK(at::equal(first, trace.hidden.front()));
  options.dampening = 0.5;
  CHECK_FALSE(at::allclose(rich_learner(options).forward(prompts()), first));
}

TEST_CASE("a learned mixture lies between softmax and linear attention") {
  const auto tokens = prompts();
  const torch::NoGradGuard no_grad;
  const auto hidden = [&](const char* kind, double weight) {
    VonOswaldOptions options;
    options.num_layers = 2;
    options.key_size = 4;
    options.use_softmax = std::string(kind) == "softmax";
    options.use_non_lin_mix = std::string(kind) == "mixture";
    torch::manual_seed(3);
    SelfAttentionLearner learner(options, kTokenWidth);
    for (auto& parameter : learner.named_parameters()) {
      if (parameter.key().ends_with("non_lin_mix/w")) {
        parameter.value().fill_(weight);
      } else {
        torch::manual_seed(static_cast<int64_t>(parameter.key().size()));
        parameter.value().copy_(0.3 * at::randn_like(parameter.value()));
      }
    }
    return learner.forward(tokens);
  };
  CHECK(at::allclose(hidden("mixture", 9.0), hidden("softmax", 0.0), 1e-5, 1e-6));
  CHECK(at::allclose(hidden("mixture", -9.0), hidden("linear", 0.0), 1e-5, 1e-6));
  CHECK_FALSE(at::allclose(hidden("mixture", 0.0), hidden("linear", 0.0), 1e-2, 1e-2));
}

TEST_CASE("with an input MLP the stack of predictions begins before the first layer") {
  auto options = rich_options();
  options.input_mlp = GENERATE(false, true);
  const auto learner = rich_learner(options);
  CHECK(learner.predict_stack(prompts()).size(0) == (options.input_mlp ? 3 : 2));
  CHECK(at::equal(learner.predict_stack(prompts())[-1], learner.predict(prompts())));
}

TEST_CASE("an output projection maps the tokens and leaves the predictions alone") {
  auto options = rich_options();
  options.out_proj = true;
  options.output_size = 2;
  const auto learner = rich_learner(options);
  const auto hidden = learner.forward(prompts());
  CHECK(learner.mapped_out(hidden).sizes() == at::IntArrayRef({3, 7, 2}));
  CHECK(at::equal(learner.predict(prompts()), -hidden.select(1, -1).select(1, -1)));
}

TEST_CASE("positions of zeros leave room beside the token and say nothing") {
  auto options = rich_options();
  options.pos_enc = options.concat_pos_enc = true;
  options.pos_enc_size = 4;
  options.zero_pos_enc = GENERATE(false, true);
  const auto learner = rich_learner(options);
  auto swapped = prompts();
  swapped.index_put_({at::indexing::Slice(), at::tensor({0, 1})},
                     prompts().index({at::indexing::Slice(), at::tensor({1, 0})}));
  // Without positions the order of the context does not matter to the query.
  CHECK(at::allclose(learner.predict(swapped), learner.predict(prompts()), 1e-4, 1e-5) ==
        options.zero_pos_enc);
}

TEST_CASE("layer normalisations of the causal regressor are those that its options name") {
  AkyurekOptions options;
  options.n_layers = 2;
  options.n_heads = 2;
  options.hidden_size = 16;
  options.norm_first = GENERATE(false, true);
  options.disable_layer_norms = GENERATE(false, true);
  options.final_layer_norm = GENERATE(false, true);
  options.activation_fn = GENERATE(as<std::string>{}, "gelu", "sofu");
  options.inner_dim = 24;
  icl::AkyurekCausalLm learner(options, 3, 10);
  learner.initialise();
  const auto names = parameter_names(learner);
  CHECK(count_ending(names, "/scale") ==
        (options.disable_layer_norms ? 0 : 4) + (options.final_layer_norm ? 1 : 0));
  CHECK(learner.named_parameters()["Transformer_0/Encoder1DBlock_1/MLP_0/Dense_0/kernel"].size(1) == 24);
  torch::manual_seed(1);
  const auto xs = at::randn({2, 5, 3}), ys = at::randn({2, 5});
  const auto predicted = learner.predict(xs, ys);
  CHECK(predicted.sizes() == at::IntArrayRef({2, 5}));
  CHECK(predicted.isfinite().all().item<bool>());
}
