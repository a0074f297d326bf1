#include <torch/torch.h>

#include <cmath>

#include "kernels/attention.h"
#include "kernels/dropout.h"
#include "nn/embedding_table.h"
#include "nn/position_table.h"
#include "nn/split_heads.h"
#include "speech/speech_decoder.h"

namespace arzoo::speech {
class AutoregressiveDecoder::Layer : public torch::nn::Module {
 public:
  Layer(int64_t width, const DecoderConf& o)
      : heads_(o.attention_heads),
        dropout_(o.dropout_rate),
        qkv_(register_module("qkv", std::make_shared<nn::LinearLayer>(width, 3 * width))),
        out_(register_module("out", std::make_shared<nn::LinearLayer>(width, width))),
        source_(register_module("src_attn", std::make_shared<HeadAttention>(width, o.attention_heads,
                                                                            o.src_attention_dropout_rate))),
        feed_forward_(register_module(
            "feed_forward", std::make_shared<FeedForward>(FeedForward::Shape{
                                .width = width, .hidden = o.linear_units, .dropout = o.dropout_rate}))),
        norm1_(register_module("norm1", layer_norm(width))),
        norm2_(register_module("norm2", layer_norm(width))),
        norm3_(register_module("norm3", layer_norm(width))) {}

  /// Keys and values of the tokens read so far, and those of the encoder.
  struct Cache {
    at::Tensor k, v;
    HeadAttention::Memory source;
  };
  HeadAttention::Memory source(const at::Tensor& hidden) const { return source_->read(hidden); }

  at::Tensor forward(at::Tensor x, Cache& cache, const at::Tensor& keys) {
    const auto parts = nn::split_heads(qkv_->forward(norm1_->forward(x)), heads_, 3);
    cache.k = cache.k.defined() ? at::cat({cache.k, parts[1]}, 2) : parts[1];
    cache.v = cache.v.defined() ? at::cat({cache.v, parts[2]}, 2) : parts[2];
    const auto heads = kernels::attention(parts[0], cache.k, cache.v, {.causal = x.size(1) > 1});
    x = x + kernels::dropout(out_->forward(nn::merge_heads(heads)), dropout_, is_training());
    x = x +
        kernels::dropout(source_->attend(norm2_->forward(x), cache.source, keys), dropout_, is_training());
    return x + kernels::dropout(feed_forward_->forward(norm3_->forward(x)), dropout_, is_training());
  }

 private:
  int64_t heads_;
  double dropout_;
  std::shared_ptr<nn::LinearLayer> qkv_, out_;
  std::shared_ptr<HeadAttention> source_;
  std::shared_ptr<FeedForward> feed_forward_;
  torch::nn::LayerNorm norm1_, norm2_, norm3_;
};

AutoregressiveDecoder::AutoregressiveDecoder(int64_t width, int64_t vocabulary, const DecoderConf& options)
    : dropout_(options.dropout_rate),
      table_(nn::register_table(*this, "embed", vocabulary, width)),
      after_norm_(register_module("after_norm", layer_norm(width))),
      output_(register_module("output_layer", std::make_shared<nn::LinearLayer>(width, vocabulary))) {
  auto& owner = add_folder(*this, "decoders");
  for (int64_t i = 0; i < options.num_blocks; ++i)
    layers_.push_back(owner.register_module(std::to_string(i), std::make_shared<Layer>(width, options)));
}

AutoregressiveDecoder::~AutoregressiveDecoder() = default;

at::Tensor AutoregressiveDecoder::embed(const at::Tensor& ids, int64_t first) {
  auto x = at::embedding(table_, ids) * std::sqrt(static_cast<double>(table_.size(1)));
  const auto places = nn::position_table(first + ids.size(1), table_.size(1)).narrow(0, first, ids.size(1));
  return kernels::dropout(x + places.to(x.options()), dropout_, is_training());
}

at::Tensor AutoregressiveDecoder::forward(const Encoded& encoded, const at::Tensor& ids) {
  const auto keys = encoded.mask.defined() ? encoded.mask.unsqueeze(1) : at::Tensor();
  auto x = embed(ids, 0);
  for (const auto& layer : layers_) {
    Layer::Cache cache{.k = {}, .v = {}, .source = layer->source(encoded.hidden)};
    x = layer->forward(x, cache, keys);
  }
  return output_->forward(after_norm_->forward(x));
}

std::vector<std::pair<std::vector<int64_t>, std::vector<double>>> AutoregressiveDecoder::write(
    const Encoded& encoded, int64_t most) {
  const auto keys = encoded.mask.defined() ? encoded.mask.unsqueeze(1) : at::Tensor();
  const int64_t batch = encoded.hidden.size(0);
  std::vector<Layer::Cache> caches;
  for (const auto& layer : layers_)
    caches.push_back({.k = {}, .v = {}, .source = layer->source(encoded.hidden)});
  std::vector<std::pair<std::vector<int64_t>, std::vector<double>>> written(static_cast<std::size_t>(batch));
  std::vector<bool> ended(static_cast<std::size_t>(batch), false);
  auto ids = at::full({batch, 1}, kStart, at::TensorOptions(at::kLong).device(encoded.hidden.device()));
  for (int64_t step = 0; step < most; ++step) {
    auto x = embed(ids, step);
    for (std::size_t i = 0; i < layers_.size(); ++i) x = layers_[i]->forward(x, caches[i], keys);
    const auto shares = at::softmax(output_->forward(after_norm_->forward(x)).to(at::kFloat), -1);
    const auto [best, chosen] = shares.max(-1);  // [B, 1]
    ids = chosen;
    bool all = true;
    for (int64_t b = 0; b < batch; ++b) {
      const auto at = static_cast<std::size_t>(b);
      const auto id = chosen[b][0].item<int64_t>();
      ended[at] = ended[at] || id == kEnd;
      all = all && ended[at];
      if (ended[at]) continue;
      written[at].first.push_back(id);
      written[at].second.push_back(best[b][0].item<double>());
    }
    if (all) break;
  }
  return written;
}

}  // namespace arzoo::speech
