#include "forecast/models/informer.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include "forecast/forecaster.h"
#include "forecast/layers/covariate_tokens.h"
#include "forecast/layers/embedding.h"
#include "forecast/layers/encoder.h"
#include "forecast/layers/informer_decoder.h"
#include "forecast/layers/prob_sparse_attention.h"
#include "runtime/recompute.h"

namespace arzoo::forecast {
namespace {

/// What distinguishes the networks of this name.
struct Variant {
  bool library = false;  ///< of the Time-Series-Library
  bool sparse = true;    ///< ProbSparse attention in the encoder and of the decoder to itself
  bool mix = true;       ///< mixed heads in the decoder's attention to itself
  int64_t padding = 0;   ///< value of the decoder's input at the steps to forecast
  std::vector<int64_t> encoder_layers;
  bool stack = false;  ///< several encoders
};

Variant variant_of(const InformerOptions& o) {
  return {.sparse = o.attn == "prob", .mix = o.mix, .padding = o.padding, .encoder_layers = {o.e_layers}};
}
Variant variant_of(const InformerStackOptions& o) {
  return {.sparse = o.attn == "prob",
          .mix = o.mix,
          .padding = o.padding,
          .encoder_layers = o.s_layers,
          .stack = true};
}
Variant variant_of(const InformerTslibOptions& o) {
  return {.library = true, .encoder_layers = {o.e_layers}};
}

/// Makes the parts that all variants are built of.
class Parts {
 public:
  Parts(const InformerBase& options, const Variant& variant) : options_(options), variant_(variant) {}

  EncoderLayerOptions layer() const {
    return {options_.d_model, options_.n_heads, options_.d_ff, options_.dropout, options_.activation};
  }
  std::shared_ptr<DataEmbedding> embedding(const SeriesShape& shape) const {
    return std::make_shared<DataEmbedding>(EmbeddingOptions{
        shape.enc_in, options_.d_model, shape.marks, options_.embed, options_.dropout,
        /*bias=*/!variant_.library, /*positions=*/true,
        std::max(shape.seq_len, shape.label_len + shape.pred_len), shape.known_in, shape.static_in});
  }
  /// In the library every ProbSparse layer mixes its heads, here only the decoder's own and if asked.
  kernels::HeadOrder encoder_order() const {
    return variant_.library ? kernels::HeadOrder::mixed : kernels::HeadOrder::usual;
  }
  std::shared_ptr<Encoder> encoder(int64_t depth, const std::string& name) const {
    std::vector<std::shared_ptr<EncoderLayer>> layers;
    std::vector<std::shared_ptr<DistillingLayer>> distilling;
    for (int64_t i = 0; i < depth; ++i) {
      const auto attention = fmt::format("{}.attn_layers.{}.attention", name, i);
      layers.push_back(std::make_shared<EncoderLayer>(
          mixing(false, variant_.sparse, encoder_order(), attention), layer(), encoder_order()));
      if (options_.distil && i + 1 < depth)
        distilling.push_back(std::make_shared<DistillingLayer>(options_.d_model, variant_.library ? 2 : 1));
    }
    return std::make_shared<Encoder>(layers, options_.d_model, distilling);
  }
  std::shared_ptr<InformerDecoderLayer> decoder_layer(const std::string& name) const {
    const auto own = variant_.mix ? kernels::HeadOrder::mixed : kernels::HeadOrder::usual;
    const auto cross = encoder_order();
    return std::make_shared<InformerDecoderLayer>(
        attention(mixing(true, variant_.sparse, own, name + ".self_attention"), own),
        attention(mixing(false, variant_.library, cross, name + ".cross_attention"), cross), layer());
  }

 private:
  std::shared_ptr<Mixing> mixing(bool causal, bool sparse, kernels::HeadOrder order,
                                 const std::string& name) const {
    if (sparse) return std::make_shared<ProbSparseAttention>(causal, options_.factor, order, name);
    return std::make_shared<FullAttention>(causal, options_.dropout);
  }
  std::shared_ptr<AttentionLayer> attention(std::shared_ptr<Mixing> mixing, kernels::HeadOrder order) const {
    return std::make_shared<AttentionLayer>(std::move(mixing), options_.d_model, options_.n_heads, order);
  }

  const InformerBase& options_;
  const Variant& variant_;
};

/// One encoder, or InformerStack's several, whose results stand one behind the other in time.
class InformerEncoder : public torch::nn::Module {
 public:
  InformerEncoder(const Parts& parts, const std::vector<int64_t>& depths) {
    auto list = register_module("encoders", torch::nn::ModuleList());
    for (std::size_t i = 0; i < depths.size(); ++i) {
      encoders_.push_back(parts.encoder(depths[i], fmt::format("encoder.encoders.{}", i)));
      list->push_back(encoders_.back());
    }
  }
  at::Tensor forward(const at::Tensor& x, const Pass& pass) {
    std::vector<at::Tensor> results;
    for (std::size_t i = 0; i < encoders_.size(); ++i) {
      const int64_t length = x.size(1) >> i;
      results.push_back(encoders_[i]->forward(x.narrow(1, x.size(1) - length, length), pass,
                                              fmt::format("encoder.encoders.{}", i)));
    }
    const auto joined = at::cat(results, 1);
    pass.record("encoder", joined);
    return joined;
  }

 private:
  std::vector<std::shared_ptr<Encoder>> encoders_;
};

/// Names of the official state dict: layers, norm and, in the library, projection.
class InformerDecoder : public torch::nn::Module {
 public:
  InformerDecoder(const Parts& parts, int64_t depth, int64_t d_model, bool cross_by_row)
      : cross_by_row_(cross_by_row) {
    auto list = register_module("layers", torch::nn::ModuleList());
    for (int64_t i = 0; i < depth; ++i) {
      layers_.push_back(parts.decoder_layer(fmt::format("decoder.layers.{}", i)));
      list->push_back(layers_.back());
    }
    norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({d_model})));
  }
  /// The last `wanted` steps, [B, wanted, D].
  at::Tensor forward(at::Tensor x, const at::Tensor& memory, int64_t wanted, const Pass& pass) {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const bool last = i + 1 == layers_.size();
      const auto run = [this, i, pass,
                        steps = last ? wanted : x.size(1)](const std::vector<at::Tensor>& inputs) {
        return std::vector{layers_[i]->forward(inputs[0], inputs[1], steps, cross_by_row_,
                                               fmt::format("decoder.layers.{}", i), pass)};
      };
      x = pass.is_plain() ? runtime::recomputed({x, memory}, run)[0] : run({x, memory})[0];
    }
    return norm_(x);
  }

 private:
  bool cross_by_row_;
  std::vector<std::shared_ptr<InformerDecoderLayer>> layers_;
  torch::nn::LayerNorm norm_{nullptr};
};

class Informer : public Forecaster {
 public:
  Informer(const InformerBase& options, const Variant& variant, const SeriesShape& shape)
      : shape_(shape), library_(variant.library), padding_(variant.padding), resample_(options.resample) {
    check_lengths(shape, variant);
    const Parts parts(options, variant);
    enc_embedding_ = register_module("enc_embedding", parts.embedding(shape));
    dec_embedding_ = register_module("dec_embedding", parts.embedding(shape));
    if (variant.stack) {
      stack_ = register_module("encoder", std::make_shared<InformerEncoder>(parts, variant.encoder_layers));
    } else {
      encoder_ = register_module("encoder", parts.encoder(variant.encoder_layers.front(), "encoder"));
    }
    decoder_ = register_module("decoder", std::make_shared<InformerDecoder>(
                                              parts, options.d_layers, options.d_model, !variant.library));
    const auto projection = torch::nn::Linear(options.d_model, shape.c_out);
    projection_ = variant.library ? decoder_->register_module("projection", projection)
                                  : register_module("projection", projection);
  }

  at::Tensor forecast(const ForecastBatch& batch) override {
    auto random_inputs = batch.random_inputs != nullptr ? RandomInputs::replayed(*batch.random_inputs)
                         : is_training() || resample_   ? RandomInputs()
                                                        : RandomInputs::repeatable();
    const Pass pass(batch.trace, &random_inputs);
    require_covariates(batch, shape_);
    const auto embedded =
        enc_embedding_->forward(batch.x_enc, batch.x_mark_enc, batch.known_enc(), batch.statics);
    const auto memory = stack_ ? stack_->forward(embedded, pass) : encoder_->forward(embedded, pass);
    const auto start =
        dec_embedding_->forward(decoder_input(batch), batch.x_mark_dec, batch.known_dec(), batch.statics);
    pass.record("enc_embedding", embedded);
    pass.record("dec_embedding", start);
    // A trace wants all steps of the decoder, the forecast only the last ones.
    const auto decoded =
        decoder_->forward(start, memory, batch.trace != nullptr ? start.size(1) : shape_.pred_len, pass);
    const auto projected =
        kernels::linear(decoded.to(projection_->weight.scalar_type()), projection_->weight, projection_->bias)
            .to(at::kFloat);
    // The library's decoder ends with the projection.
    pass.record("decoder", library_ ? projected : decoded);
    return projected.narrow(1, projected.size(1) - shape_.pred_len, shape_.pred_len);
  }

 private:
  static void check_lengths(const SeriesShape& shape, const Variant& variant) {
    const auto halvings = static_cast<int64_t>(variant.encoder_layers.size()) - 1;
    if (halvings > 0 && (halvings > 30 || shape.seq_len >> halvings == 0)) {
      fail<ConfigError>(
          "informerstack: seq_len {} is too short for {} encoders, each on half of the one before",
          shape.seq_len, halvings + 1);
    }
  }

  /// The known steps, then the padding value, whatever the loader put there.
  at::Tensor decoder_input(const ForecastBatch& batch) const {
    if (padding_ == 0) return batch.x_dec;
    return at::constant_pad_nd(batch.x_dec.narrow(1, 0, shape_.label_len), {0, 0, 0, shape_.pred_len},
                               static_cast<double>(padding_));
  }

  SeriesShape shape_;
  bool library_;
  int64_t padding_;
  bool resample_;
  std::shared_ptr<DataEmbedding> enc_embedding_, dec_embedding_;
  std::shared_ptr<Encoder> encoder_;  ///< one of these two
  std::shared_ptr<InformerEncoder> stack_;
  std::shared_ptr<InformerDecoder> decoder_;
  torch::nn::Linear projection_{nullptr};
};

template <class Options>
std::shared_ptr<Forecaster> informer(const Options& options, const SeriesShape& shape) {
  return std::make_shared<Informer>(options, variant_of(options), shape);
}

}  // namespace

template <>
std::shared_ptr<Forecaster> make(const InformerOptions& options, const SeriesShape& shape) {
  return informer(options, shape);
}
template <>
std::shared_ptr<Forecaster> make(const InformerStackOptions& options, const SeriesShape& shape) {
  return informer(options, shape);
}
template <>
std::shared_ptr<Forecaster> make(const InformerTslibOptions& options, const SeriesShape& shape) {
  return informer(options, shape);
}

}  // namespace arzoo::forecast
