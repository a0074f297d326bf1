#include <torch/torch.h>

#include <cmath>

#include "kernels/dropout.h"
#include "nn/embedding_table.h"
#include "nn/position_table.h"
#include "speech/speech_decoder.h"

namespace arzoo::speech {
namespace {

/// One layer of the SANM decoder: feed-forward, memory over the tokens, attention to the encoder.
class SanmDecoderLayer : public torch::nn::Module {
 public:
  enum class Parts { all, without_attention, feed_forward_only };
  SanmDecoderLayer(int64_t width, const DecoderConf& o, Parts parts)
      : dropout_(o.dropout_rate),
        feed_forward_(register_module(
            "feed_forward",
            std::make_shared<FeedForward>(FeedForward::Shape{
                .width = width, .hidden = o.linear_units, .dropout = o.dropout_rate, .inner_norm = true}))),
        norm1_(register_module("norm1", layer_norm(width))) {
    if (parts == Parts::feed_forward_only) return;
    const int64_t shift = parts == Parts::all ? o.sanm_shfit : 0;
    memory_ = register_module("self_attn", std::make_shared<FsmnMemory>(width, o.kernel_size, shift,
                                                                        o.self_attention_dropout_rate));
    norm2_ = register_module("norm2", layer_norm(width));
    if (parts == Parts::without_attention) return;
    attention_ = register_module(
        "src_attn", std::make_shared<HeadAttention>(width, o.attention_heads, o.src_attention_dropout_rate,
                                                    HeadAttention::Names::fused_keys));
    norm3_ = register_module("norm3", layer_norm(width));
  }

  /// tokens: [B, N, 1]; keys: [B, 1, T].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& tokens, const at::Tensor& hidden,
                     const at::Tensor& keys) {
    auto y = feed_forward_->forward(norm1_->forward(x));
    if (memory_ == nullptr) return y;
    y = x + kernels::dropout(memory_->forward(norm2_->forward(y), tokens), dropout_, is_training());
    if (attention_ == nullptr) return y;
    return y +
           kernels::dropout(attention_->forward(norm3_->forward(y), hidden, keys), dropout_, is_training());
  }

 private:
  double dropout_;
  std::shared_ptr<FeedForward> feed_forward_;
  std::shared_ptr<FsmnMemory> memory_;
  std::shared_ptr<HeadAttention> attention_;
  torch::nn::LayerNorm norm1_, norm2_{nullptr}, norm3_{nullptr};
};

class SanmDecoder : public SpeechDecoder {
 public:
  SanmDecoder(int64_t width, int64_t vocabulary, const DecoderConf& o)
      : table_(nn::register_table(add_folder(*this, "embed"), "0", vocabulary, width)) {
    using Parts = SanmDecoderLayer::Parts;
    add("decoders", "dec_layer", o.att_layer_num, width, o, Parts::all);
    add("decoders2", "dec2_layer", o.num_blocks - o.att_layer_num, width, o, Parts::without_attention);
    add("decoders3", "dec3_layer", 1, width, o, Parts::feed_forward_only);
    after_norm_ = register_module("after_norm", layer_norm(width));
    output_ = register_module("output_layer", std::make_shared<nn::LinearLayer>(width, vocabulary));
  }

  at::Tensor forward(const Encoded& encoded, const at::Tensor& embeds, const at::Tensor& lengths,
                     runtime::Trace* trace) override {
    const auto tokens = column_mask(only_if_padded(length_mask(lengths, embeds.size(1))), embeds);
    const auto keys = encoded.mask.defined() ? encoded.mask.unsqueeze(1) : at::Tensor();
    auto x = embeds;
    for (const auto& [name, layer] : layers_) {
      x = layer->forward(x, tokens, encoded.hidden, keys);
      if (trace != nullptr) trace->emplace_back(name, x);
    }
    return output_->forward(after_norm_->forward(x));
  }
  at::Tensor embed(const at::Tensor& ids) override { return at::embedding(table_, ids); }
  const at::Tensor& output_weight() const override { return output_->weight(); }

 private:
  void add(const char* folder, const std::string& traced, int64_t layers, int64_t width, const DecoderConf& o,
           SanmDecoderLayer::Parts parts) {
    if (layers <= 0) return;
    auto& owner = add_folder(*this, folder);
    for (int64_t i = 0; i < layers; ++i)
      layers_.emplace_back(
          traced + std::to_string(i),
          owner.register_module(std::to_string(i), std::make_shared<SanmDecoderLayer>(width, o, parts)));
  }

  at::Tensor table_;
  std::vector<std::pair<std::string, std::shared_ptr<SanmDecoderLayer>>> layers_;
  torch::nn::LayerNorm after_norm_{nullptr};
  std::shared_ptr<nn::LinearLayer> output_;
};

/// One layer of the transformer decoder.
class SanDecoderLayer : public torch::nn::Module {
 public:
  SanDecoderLayer(int64_t width, const DecoderConf& o)
      : dropout_(o.dropout_rate),
        self_(register_module("self_attn", std::make_shared<HeadAttention>(width, o.attention_heads,
                                                                           o.self_attention_dropout_rate))),
        source_(register_module("src_attn", std::make_shared<HeadAttention>(width, o.attention_heads,
                                                                            o.src_attention_dropout_rate))),
        feed_forward_(register_module(
            "feed_forward", std::make_shared<FeedForward>(FeedForward::Shape{
                                .width = width, .hidden = o.linear_units, .dropout = o.dropout_rate}))),
        norm1_(register_module("norm1", layer_norm(width))),
        norm2_(register_module("norm2", layer_norm(width))),
        norm3_(register_module("norm3", layer_norm(width))) {}

  at::Tensor forward(at::Tensor x, const at::Tensor& tokens, const at::Tensor& hidden,
                     const at::Tensor& keys) {
    const auto own = norm1_->forward(x);
    x = x + kernels::dropout(self_->forward(own, own, tokens), dropout_, is_training());
    x = x + kernels::dropout(source_->forward(norm2_->forward(x), hidden, keys), dropout_, is_training());
    return x + kernels::dropout(feed_forward_->forward(norm3_->forward(x)), dropout_, is_training());
  }

 private:
  double dropout_;
  std::shared_ptr<HeadAttention> self_, source_;
  std::shared_ptr<FeedForward> feed_forward_;
  torch::nn::LayerNorm norm1_, norm2_, norm3_;
};

class SanDecoder : public SpeechDecoder {
 public:
  SanDecoder(int64_t width, int64_t vocabulary, const DecoderConf& o)
      : dropout_(o.positional_dropout_rate),
        table_(nn::register_table(add_folder(*this, "embed"), "0", vocabulary, width)) {
    auto& owner = add_folder(*this, "decoders");
    for (int64_t i = 0; i < o.num_blocks; ++i)
      layers_.push_back(
          owner.register_module(std::to_string(i), std::make_shared<SanDecoderLayer>(width, o)));
    after_norm_ = register_module("after_norm", layer_norm(width));
    output_ = register_module("output_layer", std::make_shared<nn::LinearLayer>(width, vocabulary));
  }

  at::Tensor forward(const Encoded& encoded, const at::Tensor& embeds, const at::Tensor& lengths,
                     runtime::Trace* trace) override {
    const auto mask = only_if_padded(length_mask(lengths, embeds.size(1)));
    const auto tokens = mask.defined() ? mask.unsqueeze(1) : mask;
    const auto keys = encoded.mask.defined() ? encoded.mask.unsqueeze(1) : at::Tensor();
    auto x = embeds;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      x = layers_[i]->forward(x, tokens, encoded.hidden, keys);
      if (trace != nullptr) trace->emplace_back("dec_layer" + std::to_string(i), x);
    }
    return output_->forward(after_norm_->forward(x));
  }
  at::Tensor embed(const at::Tensor& ids) override {
    auto x = at::embedding(table_, ids) * std::sqrt(static_cast<double>(table_.size(1)));
    x = x + nn::position_table(ids.size(1), table_.size(1)).to(x.options());
    return kernels::dropout(x, dropout_, is_training());
  }
  const at::Tensor& output_weight() const override { return output_->weight(); }

 private:
  double dropout_;
  at::Tensor table_;
  std::vector<std::shared_ptr<SanDecoderLayer>> layers_;
  torch::nn::LayerNorm after_norm_{nullptr};
  std::shared_ptr<nn::LinearLayer> output_;
};

}  // namespace

std::shared_ptr<SpeechDecoder> make_decoder(const ParaformerOptions& options) {
  const int64_t width = options.encoder_conf.output_size;
  if (options.decoder == "ParaformerSANDecoder")
    return std::make_shared<SanDecoder>(width, options.vocab_size, options.decoder_conf);
  return std::make_shared<SanmDecoder>(width, options.vocab_size, options.decoder_conf);
}

}  // namespace arzoo::speech
