#include "forecast/models/timexer.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include "forecast/forecaster.h"
#include "forecast/layers/attention_layer.h"
#include "forecast/layers/covariate_tokens.h"
#include "forecast/layers/inverted_embedding.h"
#include "forecast/layers/patch_embedding.h"
#include "forecast/layers/window_norm.h"
#include "kernels/dropout.h"
#include "kernels/hidden_layer.h"
#include "kernels/residual_norm.h"
#include "runtime/recompute.h"

namespace arzoo::forecast {
namespace {

torch::nn::LayerNorm layer_norm(int64_t width) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}));
}

/// The patches of a target and, behind them, its learned global token (Sec. 3.1).
class EndogenousEmbedding : public PatchEmbedding {
 public:
  EndogenousEmbedding(int64_t targets, const TimeXerOptions& options, int64_t patches)
      : PatchEmbedding(options.patch_len, options.d_model, /*dropout=*/0.0, patches),
        patch_len_(options.patch_len),
        dropout_(options.dropout) {
    glb_token_ = register_parameter("glb_token", at::randn({1, targets, 1, options.d_model}));
  }
  /// windows: [B, N, L]; returns [B N, patches + 1, D].
  at::Tensor tokens(const at::Tensor& windows) {
    // Steps at the end that fill no patch are left out, as officially.
    const auto patches = forward(windows.unfold(2, patch_len_, patch_len_).flatten(0, 1));
    const auto global = glb_token_.expand({windows.size(0), -1, -1, -1}).flatten(0, 1);
    return kernels::dropout(at::cat({patches, global.to(patches.scalar_type())}, 1), dropout_, is_training());
  }

 private:
  int64_t patch_len_;
  double dropout_;
  at::Tensor glb_token_;
};

/// Self-attention among the tokens of a target, cross-attention from its global token to the exogenous ones,
/// feed-forward; each with a residual and a norm behind it (Sec. 3.2).
class TimeXerLayer : public torch::nn::Module {
 public:
  explicit TimeXerLayer(const TimeXerOptions& options)
      : dropout_(options.dropout), activation_(kernels::activation(options.activation)) {
    const auto attention = [&](const char* name) {
      return register_module(name, std::make_shared<AttentionLayer>(
                                       std::make_shared<FullAttention>(/*causal=*/false, options.dropout),
                                       options.d_model, options.n_heads));
    };
    const auto convolution = [&](const char* name, int64_t in, int64_t out) {
      return register_module(name, torch::nn::Conv1d(torch::nn::Conv1dOptions(in, out, 1)));
    };
    self_attention_ = attention("self_attention");
    cross_attention_ = attention("cross_attention");
    conv1_ = convolution("conv1", options.d_model, options.d_ff);
    conv2_ = convolution("conv2", options.d_ff, options.d_model);
    norm1_ = register_module("norm1", layer_norm(options.d_model));
    norm2_ = register_module("norm2", layer_norm(options.d_model));
    norm3_ = register_module("norm3", layer_norm(options.d_model));
  }

  /// x: [B N, patches + 1, D]; exogenous: [B, E, D]; returns [B N, patches + 1, D].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& exogenous, const std::string& name,
                     const Pass& pass) {
    const int64_t patches = x.size(1) - 1;
    const auto own =
        end_of(self_attention_, x, self_attention_->mix(x), norm1_, name + ".self_attention", pass);
    const auto global = own.select(1, patches).unflatten(0, {exogenous.size(0), -1});  // [B, N, D]
    const auto informed = end_of(cross_attention_, global, cross_attention_->mix_with(global, exogenous),
                                 norm2_, name + ".cross_attention", pass);
    const auto tokens = at::cat({own.narrow(1, 0, patches), informed.flatten(0, 1).unsqueeze(1)}, 1);
    const auto hidden = kernels::hidden_layer(tokens, conv1_->weight.squeeze(-1), conv1_->bias, activation_,
                                              dropout_, is_training());
    const auto out =
        kernels::residual_norm(tokens, hidden, conv2_->weight.squeeze(-1), conv2_->bias, dropout_, norm3_);
    pass.record(name, out);
    return out;
  }

 private:
  /// norm(x + output projection of what was mixed).
  at::Tensor end_of(const std::shared_ptr<AttentionLayer>& attention, const at::Tensor& x,
                    const at::Tensor& mixed, torch::nn::LayerNorm& norm, const std::string& name,
                    const Pass& pass) {
    const auto& out = attention->out_projection();
    if (pass.trace != nullptr) pass.record(name, at::linear(mixed, out->weight, out->bias));
    return kernels::residual_norm(x, mixed, out->weight, out->bias, dropout_, norm);
  }

  double dropout_;
  kernels::Activation activation_;
  std::shared_ptr<AttentionLayer> self_attention_, cross_attention_;
  torch::nn::Conv1d conv1_{nullptr}, conv2_{nullptr};
  torch::nn::LayerNorm norm1_{nullptr}, norm2_{nullptr}, norm3_{nullptr};
};

/// Names of the official state dict: layers, norm.
class TimeXerEncoder : public torch::nn::Module {
 public:
  explicit TimeXerEncoder(const TimeXerOptions& options) {
    auto list = register_module("layers", torch::nn::ModuleList());
    for (int64_t i = 0; i < options.e_layers; ++i) {
      layers_.push_back(std::make_shared<TimeXerLayer>(options));
      list->push_back(layers_.back());
    }
    norm_ = register_module("norm", layer_norm(options.d_model));
  }
  at::Tensor forward(at::Tensor x, const at::Tensor& exogenous, const Pass& pass) {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const auto run = [layer = layers_[i], pass, i](const std::vector<at::Tensor>& inputs) {
        return std::vector{layer->forward(inputs[0], inputs[1], fmt::format("encoder.layers.{}", i), pass)};
      };
      x = pass.is_plain() ? runtime::recomputed({x, exogenous}, run)[0] : run({x, exogenous})[0];
    }
    x = norm_(x);
    pass.record("encoder.norm", x);
    return x;
  }

 private:
  std::vector<std::shared_ptr<TimeXerLayer>> layers_;
  torch::nn::LayerNorm norm_{nullptr};
};

class TimeXer : public Forecaster {
 public:
  TimeXer(const TimeXerOptions& options, const SeriesShape& shape)
      : options_(options), targets_(shape.c_out) {
    const int64_t patches = shape.seq_len / options.patch_len;
    en_embedding_ =
        register_module("en_embedding", std::make_shared<EndogenousEmbedding>(shape.c_out, options, patches));
    ex_embedding_ = register_module(
        "ex_embedding", std::make_shared<InvertedEmbedding>(shape.seq_len, options.d_model, options.dropout));
    encoder_ = register_module("encoder", std::make_shared<TimeXerEncoder>(options));
    const auto head = register_module("head", std::make_shared<torch::nn::Module>());
    linear_ =
        head->register_module("linear", torch::nn::Linear(options.d_model * (patches + 1), shape.pred_len));
    covariates_ = CovariateTokens::register_in(*this, shape, options.d_model, options.dropout);
  }

  at::Tensor forecast(const ForecastBatch& batch) override {
    const Pass pass(batch.trace);
    WindowStats stats;
    const auto windows = variate_tokens(batch.x_enc, batch.x_mark_enc, options_.use_norm, stats);
    const int64_t others = batch.x_enc.size(2) - targets_;
    const auto endogenous = en_embedding_->tokens(windows.narrow(1, others, targets_));
    auto exogenous = ex_embedding_->forward(exogenous_windows(windows, others));
    if (covariates_) exogenous = covariates_->append(exogenous, batch);
    pass.record("en_embedding", endogenous);
    pass.record("ex_embedding", exogenous);
    const auto encoded = encoder_->forward(endogenous, exogenous, pass);
    // The official head lays the features outside and the tokens inside.
    const auto flat = encoded.transpose(1, 2).flatten(1).unflatten(0, {-1, targets_});
    const auto mapped = kernels::linear(flat, linear_->weight, linear_->bias);
    const auto projected = kernels::dropout(mapped.to(at::kFloat), options_.dropout, is_training());
    pass.record("head", projected);
    if (stats.mean.defined())
      stats = {stats.mean.narrow(2, others, targets_), stats.std.narrow(2, others, targets_)};
    return denormalise(projected.transpose(1, 2), stats);
  }

 private:
  /// Every column that is no target and the calendar; all columns where all are targets. [B, E, L].
  at::Tensor exogenous_windows(const at::Tensor& windows, int64_t others) const {
    if (others == 0) return windows;
    const int64_t marks = windows.size(1) - others - targets_;
    if (marks == 0) return windows.narrow(1, 0, others);
    return at::cat({windows.narrow(1, 0, others), windows.narrow(1, others + targets_, marks)}, 1);
  }

  TimeXerOptions options_;
  int64_t targets_;
  std::shared_ptr<EndogenousEmbedding> en_embedding_;
  std::shared_ptr<InvertedEmbedding> ex_embedding_;
  std::shared_ptr<TimeXerEncoder> encoder_;
  torch::nn::Linear linear_{nullptr};
  std::shared_ptr<CovariateTokens> covariates_;  ///< null without covariates known ahead and static ones
};

}  // namespace

template <>
std::shared_ptr<Forecaster> make(const TimeXerOptions& options, const SeriesShape& shape) {
  return std::make_shared<TimeXer>(options, shape);
}

}  // namespace arzoo::forecast
