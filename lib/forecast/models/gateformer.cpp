#include "forecast/models/gateformer.h"

#include <torch/torch.h>

#include "forecast/forecaster.h"
#include "forecast/layers/covariate_tokens.h"
#include "forecast/layers/patch_embedding.h"
#include "forecast/layers/pre_norm_encoder.h"
#include "forecast/layers/window_norm.h"
#include "kernels/linear.h"

namespace arzoo::forecast {
namespace {

at::Tensor mapped(const torch::nn::Linear& layer, const at::Tensor& x) {
  return kernels::linear(x, layer->weight, layer->bias);
}

/// A module that only gives a linear layer its official name, e.g. `head.linear`.
class NamedLinear : public torch::nn::Module {
 public:
  NamedLinear(const std::string& name, int64_t in, int64_t out) {
    linear_ = register_module(name, torch::nn::Linear(in, out));
  }
  at::Tensor forward(const at::Tensor& x) { return mapped(linear_, x); }

 private:
  torch::nn::Linear linear_{nullptr};
};

class Gateformer : public Forecaster {
 public:
  Gateformer(const GateformerOptions& options, const SeriesShape& shape) : options_(options) {
    const PreNormOptions layer{options.d_model, options.n_heads, options.d_ff, options.dropout, "relu"};
    const int64_t width = options.d_model, patches = (shape.seq_len - options.patch_len) / options.stride + 2;
    const auto linear = [&](const char* name, int64_t in, int64_t out) {
      return register_module(name, torch::nn::Linear(in, out));
    };
    project_embedding_ = register_module(
        "project_embedding", std::make_shared<NamedLinear>("value_embedding", shape.seq_len, width));
    patch_embedding_ = register_module(
        "patch_embedding", std::make_shared<PatchEmbedding>(options.patch_len, width, options.dropout));
    enc_temporal_ =
        register_module("enc_temporal", std::make_shared<PreNormEncoder>(options.e_layers, layer));
    head_ = register_module("head", std::make_shared<NamedLinear>("linear", width * patches, width));
    gate_w1_ = linear("gate_w1", width, width);
    gate_w2_ = linear("gate_w2", width, width);
    enc_variate_ = register_module("enc_variate", std::make_shared<PreNormEncoder>(options.e_layers, layer));
    gate_w3_ = linear("gate_w3", width, width);
    gate_w4_ = linear("gate_w4", width, width);
    projection_ = linear("projection", width, shape.pred_len);
    covariates_ = CovariateTokens::register_in(*this, shape, width, options.dropout);
  }

  at::Tensor forecast(const ForecastBatch& batch) override {
    WindowStats stats;
    const auto windows = variate_tokens(batch.x_enc, {}, /*normalise=*/true, stats)
                             .to(projection_->weight.scalar_type());  // [B, N, L]
    const auto whole = project_embedding_->forward(windows);
    const auto course = temporal(windows, batch.trace);
    const auto own = gated(gate_w1_, gate_w2_, whole, course);
    const auto across =
        enc_variate_->forward(covariates_ ? covariates_->append(own, batch) : own).narrow(1, 0, own.size(1));
    const auto projected = mapped(projection_, gated(gate_w3_, gate_w4_, own, across)).to(at::kFloat);
    if (batch.trace != nullptr) {
      batch.trace->emplace_back("mid.project_embedding", whole);
      batch.trace->emplace_back("mid.head", course);
      batch.trace->emplace_back("mid.enc_variate", across);
      batch.trace->emplace_back("mid.projection", projected);
    }
    return denormalise(projected.transpose(1, 2), stats);
  }

 private:
  /// What the patches of each window say: [B, N, L] → [B, N, D].
  at::Tensor temporal(const at::Tensor& windows, runtime::Trace* trace) {
    const auto rows = windows.flatten(0, 1);
    const auto padded = at::cat({rows, rows.narrow(1, -1, 1).expand({-1, options_.stride})}, 1);
    const auto patches = padded.unfold(1, options_.patch_len, options_.stride);  // [B N, P, patch_len]
    const auto encoded = enc_temporal_->forward(patch_embedding_->forward(patches));
    if (trace != nullptr) trace->emplace_back("mid.enc_temporal", encoded);
    // The official flattening has the width outside and the patches inside.
    const auto flat = encoded.transpose(1, 2).flatten(1);
    return head_->forward(flat).view({windows.size(0), windows.size(1), -1});
  }

  /// g a + (1 - g) b with g = sigmoid(left a + right b), element by element.
  static at::Tensor gated(const torch::nn::Linear& left, const torch::nn::Linear& right, const at::Tensor& a,
                          const at::Tensor& b) {
    // As a sum, not lerp: in mixed precision the two need not have one type.
    return b + at::sigmoid(mapped(left, a) + mapped(right, b)) * (a - b);
  }

  GateformerOptions options_;
  std::shared_ptr<NamedLinear> project_embedding_, head_;
  std::shared_ptr<PatchEmbedding> patch_embedding_;
  std::shared_ptr<PreNormEncoder> enc_temporal_, enc_variate_;
  torch::nn::Linear gate_w1_{nullptr}, gate_w2_{nullptr}, gate_w3_{nullptr}, gate_w4_{nullptr},
      projection_{nullptr};
  std::shared_ptr<CovariateTokens> covariates_;  ///< null without covariates known ahead and static ones
};

}  // namespace

template <>
std::shared_ptr<Forecaster> make(const GateformerOptions& options, const SeriesShape& shape) {
  return std::make_shared<Gateformer>(options, shape);
}

}  // namespace arzoo::forecast
