#include "shape3d/argus3d_model.h"

#include <torch/torch.h>

#include "core/error.h"
#include "kernels/dropout.h"
#include "nn/embedding_table.h"
#include "nn/storage_type.h"
#include "shape3d/linear_start.h"
#include "shape3d/perceiver_block.h"

namespace arzoo::shape3d {
namespace {

constexpr double kArgusDeviation = 0.02;
constexpr int64_t kBefore = 2;  // the class and the start

nn::DecoderOptions decoder_options(const Argus3dTransformerOptions& options) {
  nn::DecoderOptions decoder;
  decoder.n_embd = options.transformer_embed_dim;
  decoder.n_layer = options.transformer_layer;
  decoder.n_head = options.transformer_n_head;
  decoder.feed_forward = "gelu";
  decoder.positions = "none";
  decoder.attention_dropout = options.attn_drop_p;
  return decoder;
}

torch::nn::LayerNorm norm_in(torch::nn::Module& owner, const char* name, int64_t width) {
  return owner.register_module(name, torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})));
}

}  // namespace

Argus3d::Argus3d(const Argus3dOptions& options)
    : options_(options), decoder_(decoder_options(options.stage2_model_kwargs)) {
  const auto& sizes = options.stage2_model_kwargs;
  const int64_t width = sizes.transformer_embed_dim;
  value_start_ = register_parameter("value_start", at::empty({1, width}));
  bias_value_ = register_parameter("bias_value", at::empty({options.embedding_num}));
  torch::nn::ModuleList list;
  for (int64_t i = 0; i < sizes.transformer_layer; ++i) {
    auto owner = std::make_shared<torch::nn::Module>();
    Block block;
    block.ln1 = norm_in(*owner, "ln1", width);
    block.ln2 = norm_in(*owner, "ln2", width);
    const auto attn = owner->register_module("attn", std::make_shared<torch::nn::Module>());
    block.key = register_linear(*attn, "key", width, width);
    block.query = register_linear(*attn, "query", width, width);
    block.value = register_linear(*attn, "value", width, width);
    block.proj = register_linear(*attn, "proj", width, width);
    const auto mlp = owner->register_module("mlp", std::make_shared<torch::nn::Module>());
    block.up = register_linear(*mlp, "0", width, 4 * width);
    block.down = register_linear(*mlp, "2", 4 * width, width);
    blocks_.push_back(block);
    list->push_back(owner);
  }
  register_module("blocks", list);
  const auto dec = register_module("dec", std::make_shared<torch::nn::Module>());
  head_ln1_ = norm_in(*dec, "ln1", width);
  head_dense_ = register_linear(*dec, "dense", width, width);
  head_ln2_ = norm_in(*dec, "ln2", width);
  embedding_ = nn::register_table(*this, "emb", options.embedding_num, width);
  positions_ = nn::register_table(*this, "pos_emb", sizes.position_num + 1, width);
  class_table_ = nn::register_table(*this, "class_embedding", options.classes, width);
}

nn::DecoderWeights Argus3d::weights() const {
  nn::DecoderWeights weights;
  for (const auto& own : blocks_) {
    nn::BlockWeights block;
    block.norm_1 = nn::Affine::of(own.ln1);
    block.norm_2 = nn::Affine::of(own.ln2);
    block.query = own.query->map();
    block.key = own.key->map();
    block.value = own.value->map();
    block.projection = own.proj->map();
    block.up = own.up->map();
    block.down = own.down->map();
    weights.blocks.push_back(std::move(block));
  }
  return weights;
}

at::Tensor Argus3d::begin(const at::Tensor& labels) const {
  const auto start = value_start_ + positions_.narrow(0, 0, 1);  // [1, D]
  const auto classes = at::embedding(class_table_, labels).unsqueeze(1);
  return at::cat({classes, start.unsqueeze(0).expand({labels.size(0), -1, -1})}, 1);
}

at::Tensor Argus3d::embedded(const at::Tensor& ids, int64_t first) const {
  return at::embedding(embedding_, ids) + positions_.narrow(0, first + 1, ids.size(1));
}

at::Tensor Argus3d::pass(const at::Tensor& x, const nn::DecoderPass& pass) const {
  auto own = pass;
  own.training = is_training();
  if (is_training()) {
    const auto& sizes = options_.stage2_model_kwargs;
    own.thinned = [&sizes](std::size_t, nn::Branch branch, const at::Tensor& added) {
      return kernels::dropout(added, branch == nn::Branch::attention ? sizes.resid_drop_p : sizes.mlp_drop_p,
                              true);
    };
  }
  const auto hidden = decoder_.forward(x, weights(), own);
  return normed(head_dense_->forward(normed(hidden, head_ln1_), kernels::Activation::gelu), head_ln2_);
}

at::Tensor Argus3d::logits_of(const at::Tensor& passed) const {
  return kernels::linear(passed, embedding_, bias_value_).to(at::kFloat);
}

at::Tensor Argus3d::forward(const at::Tensor& labels, const at::Tensor& ids, runtime::Trace* trace) const {
  const int64_t tokens = ids.size(1);
  nn::DecoderTrace hidden;
  nn::DecoderPass way;
  if (trace != nullptr) way.trace = &hidden;
  // The last token is read in vain, as officially, where its place is looked at.
  const auto read = trace != nullptr ? ids : ids.narrow(1, 0, tokens - 1);
  const auto passed = pass(at::cat({begin(labels), embedded(read, 0)}, 1), way);
  if (trace != nullptr) {
    for (std::size_t i = 0; i + 1 < hidden.hidden.size(); ++i)
      trace->emplace_back("block" + std::to_string(i), hidden.hidden[i + 1]);
    trace->emplace_back("dec", passed);
  }
  return logits_of(passed.narrow(1, kBefore - 1, tokens));
}

runtime::Losses Argus3d::loss(const at::Tensor& labels, const at::Tensor& ids) const {
  const auto logits = forward(labels, ids);
  const auto total = at::cross_entropy_loss(logits.flatten(0, 1), ids.flatten());
  const auto statistics = [seen = logits.detach(), ids]() -> runtime::Metrics {
    return {{"accuracy", seen.argmax(2).eq(ids).to(at::kFloat).mean().item<double>()}};
  };
  return {total, {}, statistics, static_cast<double>(labels.size(0))};
}

void Argus3d::initialise() {
  const torch::NoGradGuard no_grad;
  for (const auto& part : modules(/*include_self=*/false)) {
    if (auto* layer = dynamic_cast<nn::LinearLayer*>(part.get())) layer->initialise(kArgusDeviation);
  }
  for (auto table : {value_start_, embedding_, positions_, class_table_}) table.normal_(0.0, kArgusDeviation);
  bias_value_.zero_();
}

void Argus3d::set_type(at::ScalarType type) { nn::set_storage_type(*this, type); }

Argus3dStream::Argus3dStream(const Argus3d& model)
    : model_(model),
      cache_(model.options().stage2_model_kwargs.transformer_layer, kBefore + model.options().tokens()) {}

at::Tensor Argus3dStream::read(const at::Tensor& ids) {
  const int64_t seen = cache_.length();
  const auto x = seen == 0 ? model_.begin(ids.select(1, 0)) : model_.embedded(ids, seen - kBefore);
  nn::DecoderPass way;
  way.cache = &cache_;
  const auto passed = model_.pass(x, way);
  return model_.logits_of(passed.select(1, passed.size(1) - 1));
}

void require_tied(const runtime::NamedTensors& tensors) {
  const auto* head = tensors.find("z_value_dec.weight");
  const auto* embedding = tensors.find("emb.weight");
  if (head != nullptr && embedding != nullptr && !at::equal(*head, *embedding))
    fail<CheckpointError>("{}: z_value_dec.weight differs from emb.weight, though the model has them as one",
                          tensors.where());
}

}  // namespace arzoo::shape3d
