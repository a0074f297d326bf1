#include "forecast/models/patchtst.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include "forecast/forecaster.h"
#include "forecast/layers/series_decomposition.h"
#include "forecast/layers/window_norm.h"
#include "forecast/models/patchtst_encoder.h"
#include "forecast/random_inputs.h"
#include "kernels/dropout.h"
#include "kernels/linear.h"

namespace arzoo::forecast {
namespace {

/// Reversible instance normalisation (Kim et al., ICLR 2022): by a window's own mean, or last value, and
/// standard deviation, then a learned scale and shift per variate if `affine`.
class ReversibleNorm : public torch::nn::Module {
 public:
  ReversibleNorm(const PatchTstOptions& options, int64_t variates) : subtract_last_(options.subtract_last) {
    if (!options.affine) return;
    weight_ = register_parameter("affine_weight", at::ones({variates}));
    bias_ = register_parameter("affine_bias", at::zeros({variates}));
  }

  /// x: [B, L, C]; returns [B, C, L].
  at::Tensor normalise(const at::Tensor& x, WindowStats& stats) const {
    auto windows = variate_tokens(x, {}, /*normalise=*/true, stats);
    if (subtract_last_) {
      // The standard deviation is that about the mean all the same.
      windows = windows - windows.narrow(2, windows.size(2) - 1, 1);
      stats.mean = x.narrow(1, x.size(1) - 1, 1);
    }
    if (!weight_.defined()) return windows;
    return at::addcmul(in_float(bias_).unsqueeze(-1), windows, in_float(weight_).unsqueeze(-1));
  }
  /// forecast: [B, S, C]; returns the same in the scale of x.
  at::Tensor invert(const at::Tensor& forecast, const WindowStats& stats) const {
    if (!weight_.defined()) return denormalise(forecast, stats);
    return denormalise((forecast - in_float(bias_)) / (in_float(weight_) + kEpsilon * kEpsilon), stats);
  }

 private:
  static at::Tensor in_float(const at::Tensor& parameter) { return parameter.to(at::kFloat); }

  static constexpr double kEpsilon = 1e-5;
  bool subtract_last_;
  at::Tensor weight_, bias_;
};

/// Patches as tokens and the layers over them. Names of the official state dict: W_pos, W_P, encoder.layers.
class PatchTstBackbone : public torch::nn::Module {
 public:
  PatchTstBackbone(const PatchTstOptions& options, int64_t patches) : options_(options) {
    projection_ = register_module("W_P", torch::nn::Linear(options.patch_len, options.d_model));
    positions_ = register_parameter("W_pos", at::empty({patches, options.d_model}).uniform_(-0.02, 0.02));
    const auto encoder = register_module("encoder", std::make_shared<torch::nn::Module>());
    auto list = encoder->register_module("layers", torch::nn::ModuleList());
    for (int64_t i = 0; i < options.e_layers; ++i) {
      layers_.push_back(std::make_shared<PatchTstLayer>(options));
      list->push_back(layers_.back());
    }
  }

  /// windows: [B, C, L]; returns [B, C, D P], the features outside and the patches inside. `name`: of the
  /// whole model, for traces.
  at::Tensor forward(const at::Tensor& windows, const std::string& name, const Pass& pass) {
    const auto rows = windows.flatten(0, 1).to(projection_->weight.scalar_type());
    const auto padded = options_.padding_patch == "end"
                            ? at::cat({rows, rows.narrow(1, -1, 1).expand({-1, options_.stride})}, 1)
                            : rows;
    const auto patches = padded.unfold(1, options_.patch_len, options_.stride);  // [B C, P, patch_len]
    const auto embedded = kernels::linear(patches, projection_->weight, projection_->bias);
    auto x = kernels::dropout(embedded + positions_, options_.dropout, is_training());
    at::Tensor scores;
    const auto by_variate = [&](const at::Tensor& tokens) {
      return tokens.unflatten(0, {windows.size(0), windows.size(1)});
    };
    pass.record(name + ".W_P", by_variate(embedded));
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      x = layers_[i]->forward(x, scores, /*keep=*/i + 1 < layers_.size());
      pass.record(fmt::format("{}.layers.{}", name, i), x);
    }
    const auto features = by_variate(x.transpose(1, 2));  // [B, C, D, P]
    pass.record(name + ".backbone", features);
    return features.flatten(2);
  }

 private:
  PatchTstOptions options_;
  torch::nn::Linear projection_{nullptr};
  at::Tensor positions_;  ///< [P, D]
  std::vector<std::shared_ptr<PatchTstLayer>> layers_;
};

/// One linear map from all tokens of a variate to its forecast, shared by the variates or not.
class PatchTstHead : public torch::nn::Module {
 public:
  PatchTstHead(const PatchTstOptions& options, const SeriesShape& shape, int64_t features)
      : dropout_(options.head_dropout) {
    if (!options.individual) {
      linears_.push_back(register_module("linear", torch::nn::Linear(features, shape.pred_len)));
      return;
    }
    auto list = register_module("linears", torch::nn::ModuleList());
    for (int64_t c = 0; c < shape.enc_in; ++c) {
      linears_.emplace_back(features, shape.pred_len);
      list->push_back(linears_.back());
    }
  }
  /// features: [B, C, D P]; returns [B, C, S] float.
  at::Tensor forward(const at::Tensor& features) {
    const auto mapped = [](const torch::nn::Linear& layer, const at::Tensor& x) {
      return kernels::linear(x, layer->weight, layer->bias);
    };
    if (linears_.size() == 1)
      return kernels::dropout(mapped(linears_[0], features).to(at::kFloat), dropout_, is_training());
    std::vector<at::Tensor> variates;
    for (std::size_t c = 0; c < linears_.size(); ++c)
      variates.push_back(mapped(linears_[c], features.select(1, static_cast<int64_t>(c))));
    return kernels::dropout(at::stack(variates, 1).to(at::kFloat), dropout_, is_training());
  }

 private:
  double dropout_;
  std::vector<torch::nn::Linear> linears_;  ///< one, or one per variate
};

/// RevIN, backbone and head: the whole model, or one of the two of a decomposition.
class PatchTstNetwork : public torch::nn::Module {
 public:
  PatchTstNetwork(const PatchTstOptions& options, const SeriesShape& shape, std::string name)
      : name_(std::move(name)) {
    const int64_t patches = options.patches(shape.seq_len);
    if (options.revin)
      revin_ = register_module("revin_layer", std::make_shared<ReversibleNorm>(options, shape.enc_in));
    backbone_ = register_module("backbone", std::make_shared<PatchTstBackbone>(options, patches));
    head_ =
        register_module("head", std::make_shared<PatchTstHead>(options, shape, options.d_model * patches));
  }
  /// x: [B, L, C]; returns [B, S, C] float.
  at::Tensor forward(const at::Tensor& x, const Pass& pass) {
    WindowStats stats;
    const auto windows = revin_ ? revin_->normalise(x, stats) : x.transpose(1, 2);
    const auto forecast = head_->forward(backbone_->forward(windows, name_, pass));
    pass.record(name_ + ".head", forecast);
    return revin_ ? revin_->invert(forecast.transpose(1, 2), stats) : forecast.transpose(1, 2);
  }

 private:
  std::string name_;
  std::shared_ptr<ReversibleNorm> revin_;
  std::shared_ptr<PatchTstBackbone> backbone_;
  std::shared_ptr<PatchTstHead> head_;
};

class PatchTst : public Forecaster {
 public:
  PatchTst(const PatchTstOptions& options, const SeriesShape& shape) : options_(options) {
    const auto network = [&](const char* name) {
      return register_module(name, std::make_shared<PatchTstNetwork>(options, shape, name));
    };
    if (options.decomposition) trend_ = network("model_trend");
    rest_ = network(options.decomposition ? "model_res" : "model");
  }

  at::Tensor forecast(const ForecastBatch& batch) override {
    const Pass pass(batch.trace);
    if (!trend_) return rest_->forward(batch.x_enc, pass);
    const auto [remainder, trend] = decompose(batch.x_enc, options_.kernel_size);
    const auto rest = rest_->forward(remainder, pass);
    return rest + trend_->forward(trend, pass);
  }

 private:
  PatchTstOptions options_;
  std::shared_ptr<PatchTstNetwork> rest_, trend_;  ///< trend_ with a decomposition alone
};

}  // namespace

template <>
std::shared_ptr<Forecaster> make(const PatchTstOptions& options, const SeriesShape& shape) {
  return std::make_shared<PatchTst>(options, shape);
}

}  // namespace arzoo::forecast
