#include <torch/torch.h>

#include <cmath>

#include "kernels/attention.h"
#include "kernels/dropout.h"
#include "nn/split_heads.h"
#include "speech/speech_encoder.h"

namespace arzoo::speech {
namespace {

/// Self-attention whose values also pass an FSMN memory (Gao et al., SAN-M, Interspeech 2020).
class SanmAttention : public FsmnMemory {
 public:
  SanmAttention(int64_t in, const EncoderOptions& o)
      : FsmnMemory(o.output_size, o.kernel_size, o.sanm_shfit, o.attention_dropout_rate),
        heads_(o.attention_heads),
        dropout_(o.attention_dropout_rate),
        qkv_(register_module("linear_q_k_v", std::make_shared<nn::LinearLayer>(in, 3 * o.output_size))),
        out_(register_module("linear_out", std::make_shared<nn::LinearLayer>(o.output_size, o.output_size))) {
  }

  at::Tensor attend(const at::Tensor& x, const at::Tensor& bias, const at::Tensor& mask) {
    const auto qkv = qkv_->forward(x);
    const auto parts = nn::split_heads(qkv, heads_, 3);
    const auto memory = forward(qkv.chunk(3, -1)[2], mask);
    const auto heads = kernels::attention(parts[0], parts[1], parts[2],
                                          {.dropout = dropout_, .training = is_training(), .bias = bias});
    return out_->forward(nn::merge_heads(heads)) + memory;
  }

 private:
  int64_t heads_;
  double dropout_;
  std::shared_ptr<nn::LinearLayer> qkv_, out_;
};

class SanmLayer : public torch::nn::Module {
 public:
  SanmLayer(int64_t in, const EncoderOptions& o)
      : before_(o.normalize_before),
        residual_(in == o.output_size),
        dropout_(o.dropout_rate),
        attention_(register_module("self_attn", std::make_shared<SanmAttention>(in, o))),
        feed_forward_(register_module(
            "feed_forward",
            std::make_shared<FeedForward>(FeedForward::Shape{
                .width = o.output_size, .hidden = o.linear_units, .dropout = o.dropout_rate}))),
        norm1_(register_module("norm1", layer_norm(in))),
        norm2_(register_module("norm2", layer_norm(o.output_size))) {}

  at::Tensor forward(const at::Tensor& x, const at::Tensor& bias, const at::Tensor& mask) {
    auto y = attention_->attend(before_ ? norm1_->forward(x) : x, bias, mask);
    y = kernels::dropout(y, dropout_, is_training());
    if (residual_) y = x + y;
    if (!before_) y = norm1_->forward(y);
    const auto read = before_ ? norm2_->forward(y) : y;
    y = y + kernels::dropout(feed_forward_->forward(read), dropout_, is_training());
    return before_ ? y : norm2_->forward(y);
  }

 private:
  bool before_, residual_;
  double dropout_;
  std::shared_ptr<SanmAttention> attention_;
  std::shared_ptr<FeedForward> feed_forward_;
  torch::nn::LayerNorm norm1_, norm2_;
};

/// Sines in the first half of the channels, cosines in the second, of the places 1 to T. Returns [T, width].
at::Tensor half_sinusoids(int64_t places, int64_t width, const at::TensorOptions& options) {
  const int64_t half = width / 2;
  const auto rates =
      at::exp(at::arange(half, at::kFloat) * (-std::log(10000.0) / static_cast<double>(half - 1)));
  const auto angles = at::arange(1, places + 1, at::kFloat).unsqueeze(1) * rates;
  return at::cat({at::sin(angles), at::cos(angles)}, 1).to(options);
}

class SanmEncoder : public SpeechEncoder {
 public:
  SanmEncoder(int64_t input_size, const EncoderOptions& o) : o_(o) {
    auto& first = add_folder(*this, "encoders0");
    layers_.push_back(first.register_module("0", std::make_shared<SanmLayer>(input_size, o)));
    auto& others = add_folder(*this, "encoders");
    for (int64_t i = 0; i + 1 < o.num_blocks; ++i)
      layers_.push_back(
          others.register_module(std::to_string(i), std::make_shared<SanmLayer>(o.output_size, o)));
    if (o.normalize_before) after_norm_ = register_module("after_norm", layer_norm(o.output_size));
  }

  Encoded forward(const at::Tensor& features, const at::Tensor& lengths, runtime::Trace* trace) override {
    auto x = features * std::sqrt(static_cast<double>(o_.output_size));
    x = x + half_sinusoids(x.size(1), x.size(2), x.options());
    x = kernels::dropout(x, o_.positional_dropout_rate, is_training());
    if (trace != nullptr) trace->emplace_back("enc_embed", x);
    const auto mask = only_if_padded(length_mask(lengths, x.size(1)));
    const auto bias = mask.defined() ? mask_bias(mask, x).unsqueeze(1).unsqueeze(1) : at::Tensor();
    const auto column = column_mask(mask, x);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      x = layers_[i]->forward(x, bias, column);
      if (trace != nullptr) trace->emplace_back("enc_layer" + std::to_string(i), x);
    }
    if (after_norm_) x = after_norm_->forward(x);
    return {x, lengths, mask};
  }

 private:
  EncoderOptions o_;
  std::vector<std::shared_ptr<SanmLayer>> layers_;
  torch::nn::LayerNorm after_norm_{nullptr};
};

}  // namespace

FsmnMemory::FsmnMemory(int64_t width, int64_t kernel, int64_t shift, double dropout)
    : left_((kernel - 1) / 2 + shift),
      right_(kernel - 1 - left_),
      dropout_(dropout),
      weight_(add_folder(*this, "fsmn_block").register_parameter("weight", at::empty({width, 1, kernel}))) {}

at::Tensor FsmnMemory::forward(const at::Tensor& x, const at::Tensor& mask) {
  const auto own = mask.defined() ? x * mask : x;
  const auto padded = at::constant_pad_nd(own.transpose(1, 2), {left_, right_});
  auto y = at::conv1d(padded, weight_, {}, 1, kNoPadding, 1, own.size(2)).transpose(1, 2) + own;
  y = kernels::dropout(y, dropout_, is_training());
  return mask.defined() ? y * mask : y;
}

at::Tensor column_mask(const at::Tensor& mask, const at::Tensor& like) {
  return mask.defined() ? mask.unsqueeze(2).to(like.scalar_type()) : mask;
}

at::Tensor only_if_padded(const at::Tensor& mask) { return mask.all().item<bool>() ? at::Tensor() : mask; }

std::shared_ptr<SpeechEncoder> make_conformer_encoder(int64_t input_size, const EncoderOptions& options);

std::shared_ptr<SpeechEncoder> make_encoder(const ParaformerOptions& options) {
  if (options.encoder == "ConformerEncoder")
    return make_conformer_encoder(options.input_size, options.encoder_conf);
  return std::make_shared<SanmEncoder>(options.input_size, options.encoder_conf);
}

}  // namespace arzoo::speech
