#pragma once

#include <functional>
#include <optional>

#include "speech/cassnat.h"
#include "speech/speech_layers.h"

/// The blocks of CASS-NAT, under its official names.
namespace arzoo::speech {

/// a_2 (x - mean) / (deviation + 1e-6) + b_2, with the unbiased deviation.
class DeviationNorm : public torch::nn::Module {
 public:
  explicit DeviationNorm(int64_t width);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  at::Tensor a_, b_;
};

/// What a layer reads besides its tokens.
struct LayerInputs {
  at::Tensor self_mask = {};    ///< bool, [B, 1 or N, N]
  at::Tensor memory = {};       ///< [B, T, D]; undefined where there is none
  at::Tensor memory_mask = {};  ///< bool, [B, 1 or N, T]
  at::Tensor positions = {};    ///< [2 N - 1, D] of relative positions; else undefined
};

/// A pre-norm layer of self-attention, attention to a memory and feed-forward parts; of a conformer with a
/// convolution and two halves of a feed-forward part.
class CassNatLayer : public torch::nn::Module {
 public:
  struct Shape {
    int64_t width = 0, heads = 1, hidden = 0;
    double dropout = 0.0, attention_dropout = 0.0;
    bool self = true, source = false, conv = false, relative = false, share_ff = false;
    int64_t kernel = 3;
  };
  explicit CassNatLayer(const Shape& shape);
  at::Tensor forward(at::Tensor x, const LayerInputs& inputs);

 private:
  at::Tensor part(const at::Tensor& x, std::size_t norm, double scale,
                  const std::function<at::Tensor(const at::Tensor&)>& map);
  at::Tensor attend(const at::Tensor& x, const LayerInputs& inputs);

  Shape shape_;
  std::shared_ptr<HeadAttention> self_, source_;
  std::shared_ptr<RelativeAttention> relative_;
  std::shared_ptr<FeedForward> feed_forward_1_, feed_forward_2_;
  std::shared_ptr<ConvModule> conv_;
  std::vector<std::shared_ptr<DeviationNorm>> norms_;
};

/// Learned or fixed codes of distances, clipped: [2 R + 1, D] in a child "pos_enc.embedding". The official
/// constructor draws them at random and never trains them.
class DistanceCodes : public torch::nn::Module {
 public:
  DistanceCodes(int64_t most, int64_t width);
  /// Of the distances -(places - 1) … places - 1; returns [2 places - 1, D].
  at::Tensor of(int64_t places) const;

 private:
  int64_t most_;
  at::Tensor table_;
};

/// A stack of layers under "layers", with a norm where asked for.
class CassNatStack : public torch::nn::Module {
 public:
  CassNatStack(const CassNatLayer::Shape& shape, int64_t layers, bool norm);
  /// behind: the layer, counted from 1, whose output becomes *inner.
  at::Tensor forward(at::Tensor x, const LayerInputs& inputs, int64_t behind = 0,
                     at::Tensor* inner = nullptr);

 private:
  std::vector<std::shared_ptr<CassNatLayer>> layers_;
  std::shared_ptr<DeviationNorm> norm_;
};

/// log_softmax of a linear map "proj", behind a norm where asked for.
class TokenHead : public torch::nn::Module {
 public:
  TokenHead(int64_t width, int64_t vocabulary, bool norm);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  std::shared_ptr<nn::LinearLayer> proj_;
  std::shared_ptr<DeviationNorm> norm_;
};

/// Xavier-uniform weights with more than one axis, PyTorch's default for the rest.
void initialise_cassnat(torch::nn::Module& module);

}  // namespace arzoo::speech
