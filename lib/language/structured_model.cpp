#include "language/structured_model.h"

#include <torch/torch.h>

#include <cmath>
#include <numbers>

#include "kernels/attention.h"
#include "kernels/dropout.h"
#include "language/experiment.h"
#include "language/fixture.h"
#include "language/text_study.h"
#include "nn/embedding_table.h"

namespace arzoo::language {
namespace {

std::shared_ptr<torch::nn::Module> child_of(torch::nn::Module& owner, const std::string& name) {
  return owner.register_module(name, std::make_shared<torch::nn::Module>());
}

/// Rotary angles of all places, [1, 1, max_position_embeddings, E / 2].
kernels::RopeAngles interpolated_angles(const StructuredOptions& options) {
  const int64_t head = options.attn_dim / options.num_q_heads;
  const auto exponents = at::arange(0, head, 2, at::kFloat) / static_cast<double>(head);
  const auto frequencies = at::pow(at::full({}, options.pos_emb.rotary_base), exponents).reciprocal();
  const auto places = at::arange(options.max_position_embeddings, at::kFloat) *
                      (1.0 / *options.pos_emb.seq_len_interpolation_factor);
  const auto angles = at::outer(places, frequencies).unsqueeze(0).unsqueeze(0);
  return {angles.cos(), angles.sin(), options.pos_emb.rotary_interleaved};
}

}  // namespace

StructuredLm::StructuredLm(const StructuredOptions& options)
    : options_(options), decoder_(options.decoder()) {
  const auto o = options.decoder();
  const int64_t width = options.hidden_dim, groups = o.kv_heads() * o.head_width();
  const auto model = child_of(*this, "model");
  embedding_ = nn::register_table(*model, "wte", options.vocab_size, width);
  if (options.pos_emb.name == "absolute") {
    weights_.positions = nn::register_table(*model, "wpe", options.max_position_embeddings, width);
  } else if (options.pos_emb.seq_len_interpolation_factor) {
    weights_.rotary = interpolated_angles(options);
  }
  const auto layers = child_of(*model, "layers");
  for (int64_t i = 0; i < options.num_layers; ++i) {
    const auto layer = child_of(*layers, std::to_string(i));
    nn::BlockWeights block;
    block.norm_1 = norm(*layer, "ln1");
    block.qkv = dense(*layer, "qkv_linear", width, options.attn_dim + 2 * groups);
    block.projection = dense(*layer, "o_linear", options.attn_dim, width);
    block.norm_2 = norm(*layer, "ln2");
    const auto mlp = child_of(*layer, "mlp");
    const bool dense_one = options.method == "linear" || (i == 0 && options.first_layer);
    block.up = feed_forward_map(*mlp, "fc1", width, options.up_width(), dense_one);
    block.down = feed_forward_map(*mlp, "fc2", options.ffn_dim, width, dense_one);
    weights_.blocks.push_back(block);
  }
  weights_.norm = norm(*model, "ln_f");
  if (!options.tie_word_embeddings)
    head_.weight =
        child_of(*this, "lm_head")->register_parameter("weight", at::empty({options.vocab_size, width}));
}

nn::Affine StructuredLm::norm(torch::nn::Module& owner, const char* name) const {
  const auto layer = child_of(owner, name);
  nn::Affine norm{layer->register_parameter("weight", at::ones({options_.hidden_dim})), {}};
  // The official layer norm has a bias whatever `bias` says of the maps.
  if (options_.ln == "layernorm")
    norm.bias = layer->register_parameter("bias", at::zeros({options_.hidden_dim}));
  return norm;
}

nn::Affine StructuredLm::dense(torch::nn::Module& owner, const char* name, int64_t in, int64_t out) const {
  const auto layer = child_of(owner, name);
  nn::Affine map{layer->register_parameter("weight", at::empty({out, in})), {}};
  if (options_.bias) map.bias = layer->register_parameter("bias", at::zeros({out}));
  return map;
}

nn::Affine StructuredLm::feed_forward_map(torch::nn::Module& owner, const char* name, int64_t in, int64_t out,
                                          bool dense_one) {
  if (dense_one) return dense(owner, name, in, out);
  const nn::StructureOptions structure{options_.method, options_.rank, options_.nblocks};
  auto map =
      owner.register_module(name, std::make_shared<nn::StructuredLinear>(structure, in, out, options_.bias));
  if (options_.guide.enabled) map->add_guide();
  maps_.push_back(map);
  nn::Affine affine;
  affine.structure = map;
  return affine;
}

at::Tensor StructuredLm::hidden(const at::Tensor& ids, const nn::DecoderPass& pass) {
  const auto x = kernels::dropout(at::embedding(embedding_, ids), options_.embd_drop, pass.training);
  auto own = pass;
  if (options_.hidden_drop > 0.0 && pass.training) {
    own.thinned = [rate = options_.hidden_drop](std::size_t, nn::Branch, const at::Tensor& added) {
      return kernels::dropout(added, rate, true);
    };
  }
  if (!options_.scale_attn_by_inverse_layer_idx) return decoder_.forward(x, weights_, own);
  own.mix = [](std::size_t layer, const nn::QkvHeads& heads, const at::Tensor&) {
    const int64_t times = heads.q.size(1) / heads.k.size(1);
    const double scale =
        1.0 / std::sqrt(static_cast<double>(heads.q.size(3))) / static_cast<double>(layer + 1);
    return kernels::attention(heads.q, nn::repeat_heads(heads.k, times), nn::repeat_heads(heads.v, times),
                              {.causal = true, .scale = scale});
  };
  return decoder_.forward(x, weights_, own);
}

at::Tensor StructuredLm::head(const at::Tensor& hidden) {
  return kernels::linear(hidden, head_.weight.defined() ? head_.weight : embedding_, {});
}

void StructuredLm::initialise() {
  const torch::NoGradGuard no_grad;
  const double deviation = options_.init.initializer_range;
  embedding_.normal_(0.0, deviation);
  if (weights_.positions.defined()) weights_.positions.normal_(0.0, deviation);
  if (head_.weight.defined()) head_.weight.normal_(0.0, deviation);
  for (auto& block : weights_.blocks) {
    for (auto* map : {&block.qkv, &block.projection, &block.up, &block.down}) {
      if (map->weight.defined()) map->weight.normal_(0.0, deviation);
    }
  }
  for (const auto& map : maps_)
    map->initialise({options_.post_init(), options_.init.weight_init == "xavier", deviation});
}

double StructuredLm::guide_share(const std::string& scheduler, int64_t step, int64_t guided_steps) {
  if (step >= guided_steps) return 0.0;
  const double place = static_cast<double>(step) / static_cast<double>(guided_steps);
  return scheduler == "linear" ? 1.0 - place : 0.5 * (1.0 + std::cos(std::numbers::pi * place));
}

void StructuredLm::prepare(const TrainingMoment& moment) {
  const auto& guide = options_.guide;
  if (!guide.enabled) return;
  const auto guided = guide.guided_steps(moment.steps);
  const double share = guide_share(guide.scheduler, moment.step, guided);
  for (const auto& map : maps_) {
    map->set_guide(share, moment.step);
    map->skip_guide(guide.reduce_flop && at::rand({1}).item<double>() >= share);
  }
}

}  // namespace arzoo::language

namespace arzoo::runtime {

template <>
const ModelEntry& entry<language::StructuredOptions>() {
  static const ModelEntry entry{
      .name = language::StructuredOptions::kName,
      .build = &build_any<language::StructuredLm, language::StructuredOptions>,
      .experiment = &language::language_experiment<language::StructuredLm, language::StructuredOptions>,
      .study = language::text_study(),
      .replays = {{"structured_gpt2", language::replay_structured}}};
  return entry;
}

}  // namespace arzoo::runtime
