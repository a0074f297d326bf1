#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "kernels/dropout.h"
#include "nn/position_table.h"
#include "speech/speech_encoder.h"

namespace arzoo::speech {
namespace {

class ConformerLayer : public torch::nn::Module {
 public:
  explicit ConformerLayer(const EncoderOptions& o) : o_(o), scale_(o.macaron_style ? 0.5 : 1.0) {
    const FeedForward::Shape shape{o.output_size, o.linear_units, o.activation_type, o.dropout_rate};
    if (o.pos_enc_layer_type == "rel_pos") {
      relative_ = register_module("self_attn", std::make_shared<RelativeAttention>(
                                                   o.output_size, o.attention_heads, o.attention_dropout_rate,
                                                   HeadAttention::Names::by_role));
    } else {
      plain_ = register_module("self_attn", std::make_shared<HeadAttention>(o.output_size, o.attention_heads,
                                                                            o.attention_dropout_rate));
    }
    feed_forward_ = register_module("feed_forward", std::make_shared<FeedForward>(shape));
    norm_ff_ = register_module("norm_ff", layer_norm(o.output_size));
    norm_mha_ = register_module("norm_mha", layer_norm(o.output_size));
    if (o.macaron_style) {
      macaron_ = register_module("feed_forward_macaron", std::make_shared<FeedForward>(shape));
      norm_macaron_ = register_module("norm_ff_macaron", layer_norm(o.output_size));
    }
    if (!o.use_cnn_module) return;
    conv_ =
        register_module("conv_module", std::make_shared<ConvModule>(o.output_size, o.cnn_module_kernel,
                                                                    /*batch_norm=*/true, o.activation_type));
    norm_conv_ = register_module("norm_conv", layer_norm(o.output_size));
    norm_final_ = register_module("norm_final", layer_norm(o.output_size));
  }

  /// positions: of rel_pos; mask: [B, 1, T].
  at::Tensor forward(at::Tensor x, const at::Tensor& positions, const at::Tensor& mask) {
    if (macaron_ != nullptr)
      x = part(x, norm_macaron_, scale_, [&](const at::Tensor& y) { return macaron_->forward(y); });
    x = part(x, norm_mha_, 1.0, [&](const at::Tensor& y) {
      return relative_ != nullptr ? relative_->forward(y, positions, mask) : plain_->forward(y, y, mask);
    });
    if (conv_ != nullptr)
      x = part(x, norm_conv_, 1.0, [&](const at::Tensor& y) { return conv_->forward(y); });
    x = part(x, norm_ff_, scale_, [&](const at::Tensor& y) { return feed_forward_->forward(y); });
    return norm_final_ ? norm_final_->forward(x) : x;
  }

 private:
  template <class Map>
  at::Tensor part(const at::Tensor& x, torch::nn::LayerNorm& norm, double scale, const Map& map) {
    const bool before = o_.normalize_before;
    const auto y = kernels::dropout(map(before ? norm->forward(x) : x), o_.dropout_rate, is_training());
    const auto sum = scale == 1.0 ? x + y : x + scale * y;
    return before ? sum : norm->forward(sum);
  }

  EncoderOptions o_;
  double scale_;
  std::shared_ptr<RelativeAttention> relative_;
  std::shared_ptr<HeadAttention> plain_;
  std::shared_ptr<FeedForward> feed_forward_, macaron_;
  std::shared_ptr<ConvModule> conv_;
  torch::nn::LayerNorm norm_ff_{nullptr}, norm_mha_{nullptr}, norm_macaron_{nullptr}, norm_conv_{nullptr},
      norm_final_{nullptr};
};

/// FunASR's legacy relative positions: a table of 5000 sinusoids in reversed order, of which the first rows
/// are used whatever the length. Returns [T, D].
at::Tensor legacy_positions(int64_t places, int64_t width) {
  constexpr int64_t kTable = 5000;
  const int64_t last = std::max(kTable, places);
  return nn::position_table(last, width).narrow(0, last - places, places).flip(0);
}

class ConformerEncoder : public SpeechEncoder {
 public:
  ConformerEncoder(int64_t input_size, const EncoderOptions& o)
      : o_(o),
        embed_(register_module("embed",
                               std::make_shared<ConvSubsampling>(input_size, o.output_size, 0, "out.0"))) {
    auto& layers = add_folder(*this, "encoders");
    for (int64_t i = 0; i < o.num_blocks; ++i)
      layers_.push_back(layers.register_module(std::to_string(i), std::make_shared<ConformerLayer>(o)));
    if (o.normalize_before) after_norm_ = register_module("after_norm", layer_norm(o.output_size));
  }

  int64_t subsampling() const override { return 4; }

  Encoded forward(const at::Tensor& features, const at::Tensor& lengths, runtime::Trace* trace) override {
    constexpr int64_t kFewest = 7;
    if (features.size(1) < kFewest)
      fail<DataError>("features: {} frames, expected at least {}", features.size(1), kFewest);
    auto x = embed_->forward(features) * std::sqrt(static_cast<double>(o_.output_size));
    const bool relative = o_.pos_enc_layer_type == "rel_pos";
    at::Tensor positions;
    if (relative) {
      positions = legacy_positions(x.size(1), x.size(2)).to(x.options());
      positions = kernels::dropout(positions, o_.positional_dropout_rate, is_training());
    } else {
      x = x + nn::position_table(x.size(1), x.size(2)).to(x.options());
    }
    x = kernels::dropout(x, o_.positional_dropout_rate, is_training());
    if (trace != nullptr) trace->emplace_back("enc_embed", x);
    // Of the official masks' [:-2:2], twice.
    auto left = lengths;
    for (int64_t i = 0, places = features.size(1); i < 2; ++i) {
      places = (places - 1) / 2;
      left = left.add(1).div(2, "floor").clamp_max(places);
    }
    const auto mask = only_if_padded(length_mask(left, x.size(1)));
    const auto keys = mask.defined() ? mask.unsqueeze(1) : mask;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      x = layers_[i]->forward(x, positions, keys);
      if (trace != nullptr) trace->emplace_back("enc_layer" + std::to_string(i), x);
    }
    if (after_norm_) x = after_norm_->forward(x);
    return {x, left, mask};
  }

 private:
  EncoderOptions o_;
  std::shared_ptr<ConvSubsampling> embed_;
  std::vector<std::shared_ptr<ConformerLayer>> layers_;
  torch::nn::LayerNorm after_norm_{nullptr};
};

}  // namespace

std::shared_ptr<SpeechEncoder> make_conformer_encoder(int64_t input_size, const EncoderOptions& options) {
  return std::make_shared<ConformerEncoder>(input_size, options);
}

}  // namespace arzoo::speech
