#pragma once

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/normalization.h>

#include <string>

#include "forecast/layers/attention_layer.h"
#include "forecast/layers/distilling.h"
#include "kernels/linear.h"

namespace arzoo::forecast {

struct EncoderLayerOptions {
  int64_t d_model, n_heads, d_ff;
  double dropout;
  std::string activation;
};

/// Post-norm transformer layer shared by Informer, iTransformer and GPHT:
/// x = LN1(x + attention(x)); LN2(x + FFN(x)). The FFN's weights are convolutions of width one, as in the
/// official code.
class EncoderLayer : public torch::nn::Module {
 public:
  EncoderLayer(std::shared_ptr<Mixing> mixing, const EncoderLayerOptions& options,
               kernels::HeadOrder order = kernels::HeadOrder::usual);
  /// input: [B, L, D]; returns [B, L, D]. With a trace, intermediate results are recorded under `name`.
  at::Tensor forward(const at::Tensor& input, const std::string& name = "", const Pass& pass = {});

 private:
  double dropout_;
  kernels::Activation activation_;
  std::shared_ptr<AttentionLayer> attention_;
  torch::nn::Conv1d conv1_{nullptr}, conv2_{nullptr};
  torch::nn::LayerNorm norm1_{nullptr}, norm2_{nullptr};
};

/// A stack of layers and a final LayerNorm. Distilling layers, one fewer than the others, stand between them
/// and halve the length each time.
class Encoder : public torch::nn::Module {
 public:
  Encoder(const std::vector<std::shared_ptr<EncoderLayer>>& layers, int64_t d_model,
          const std::vector<std::shared_ptr<DistillingLayer>>& distilling = {});
  /// x: [B, L, D]; returns [B, L, D], or as many steps as distilling leaves. `name`: the module's, for
  /// traces.
  at::Tensor forward(at::Tensor x, const Pass& pass = {}, const std::string& name = "encoder");

 private:
  std::vector<std::shared_ptr<EncoderLayer>> layers_;
  std::vector<std::shared_ptr<DistillingLayer>> distilling_;
  torch::nn::LayerNorm norm_{nullptr};
};

}  // namespace arzoo::forecast
