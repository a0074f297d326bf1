#include "image/eagle_head.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/embedding_table.h"
#include "nn/storage_type.h"

namespace arzoo::image {
namespace {

nn::DecoderOptions eagle_decoder(const EagleOptions& options) {
  const auto& target = options.target;
  nn::DecoderOptions decoder;
  decoder.n_embd = target.dim;
  decoder.n_layer = 1;
  decoder.n_head = target.n_head;
  decoder.n_kv_head = target.kv_heads();
  decoder.n_inner = options.hidden_width;
  decoder.feed_forward = "gated";
  decoder.norm = "rms_norm";
  decoder.positions = "rotary";
  decoder.layer_norm_epsilon = options.norm_eps;
  decoder.bias = false;
  return decoder;
}

}  // namespace

EagleHead::EagleHead(const EagleOptions& options)
    : options_(options), decoder_(eagle_decoder(options)), rotary_(picture_angles(options.target)) {
  const auto& target = options.target;
  const int64_t width = target.dim, keys = target.kv_heads() * target.head_width();
  const int64_t hidden = options.hidden_width > 0 ? options.hidden_width : target.hidden_width();
  const auto map = [](torch::nn::Module& owner, const char* name, int64_t in, int64_t out,
                      bool bias = false) {
    return owner.register_module(name, std::make_shared<nn::LinearLayer>(in, out, bias));
  };
  embedding_ = nn::register_table(*this, "embed_tokens", target.vocab_size, width);
  const auto layers = register_module("layers", std::make_shared<torch::nn::Module>());
  const auto layer = layers->register_module("0", std::make_shared<torch::nn::Module>());
  const auto attention = layer->register_module("self_attn", std::make_shared<torch::nn::Module>());
  query_ = map(*attention, "q_proj", width, width);
  key_ = map(*attention, "k_proj", width, keys);
  value_ = map(*attention, "v_proj", width, keys);
  projection_ = map(*attention, "o_proj", width, width);
  const auto feed_forward = layer->register_module("mlp", std::make_shared<torch::nn::Module>());
  gate_ = map(*feed_forward, "gate_proj", width, hidden);
  up_ = map(*feed_forward, "up_proj", width, hidden);
  down_ = map(*feed_forward, "down_proj", hidden, width);
  const auto norm = layer->register_module("post_attention_layernorm", std::make_shared<torch::nn::Module>());
  norm_ = norm->register_parameter("weight", at::ones({width}));
  fc_ = map(*this, "fc", 2 * width, width, options.bias);
}

void EagleHead::start_from(const LlamaGen& target) {
  const torch::NoGradGuard no_grad;
  for (const auto& layer : {fc_, query_, key_, value_, projection_, gate_, up_, down_}) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(layer->weight().size(1)));
    layer->weight().uniform_(-bound, bound);
    if (layer->bias().defined()) layer->bias().uniform_(-bound, bound);
  }
  norm_.fill_(1.0);
  embedding_.copy_(target.embedding());
  embedding_.set_requires_grad(false);
}

void EagleHead::set_type(at::ScalarType type) { nn::set_storage_type(*this, type); }

nn::DecoderWeights EagleHead::weights() const {
  nn::BlockWeights block;
  block.norm_2 = {norm_, {}};
  block.query = query_->map();
  block.key = key_->map();
  block.value = value_->map();
  block.projection = projection_->map();
  block.gate = gate_->map();
  block.up = up_->map();
  block.down = down_->map();
  nn::DecoderWeights weights;
  weights.rotary = {rotary_.cos.to(norm_.device()), rotary_.sin.to(norm_.device()), rotary_.interleaved};
  weights.blocks = {block};
  return weights;
}

at::Tensor EagleHead::forward(const at::Tensor& ids, const at::Tensor& before,
                              const std::vector<int64_t>& places, nn::DecoderPass pass) const {
  // Row 0 of the table does not turn.
  std::vector<int64_t> rows;
  for (const int64_t place : places) rows.push_back(place < options_.target.block_size ? place + 1 : 0);
  pass.position_ids = at::tensor(rows, at::kLong).to(ids.device());
  const auto x = fc_->forward(at::cat({at::embedding(embedding_, ids), before}, -1));
  return decoder_.forward(x, weights(), pass);
}

}  // namespace arzoo::image
