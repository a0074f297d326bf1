#pragma once

#include <vector>

#include "forecast/data/row_groups.h"
#include "forecast/layers/t5_layers.h"
#include "forecast/models/chronos2.h"
#include "runtime/losses.h"

namespace arzoo::forecast {

/// What all blocks of one pass share.
struct Chronos2Pass {
  kernels::RopeAngles angles;       ///< of the places 0 … S - 1
  at::Tensor mask;                  ///< [B, S], 0 where a token is masked as a key; undefined: nowhere
  at::Tensor time_bias;             ///< the same as a bias of the time attention
  const RowGroups* groups;          ///< of the rows
  runtime::Trace* trace = nullptr;  ///< collects intermediate results when given
};

/// Attention over time, attention over the group, feed-forward, each after a norm and beside a residual.
class Chronos2Block : public torch::nn::Module {
 public:
  explicit Chronos2Block(const T5Sizes& sizes);
  /// x: [B, S, D]; returns its last `wanted` tokens, [B, wanted, D], for which the others are keys and values
  /// only. The last tokens must be unmasked where fewer than S are wanted.
  at::Tensor forward(const at::Tensor& x, const Chronos2Pass& pass, int64_t wanted,
                     const std::string& name) const;
  void initialise(double factor);

 private:
  at::Tensor over_time(const at::Tensor& x, const Chronos2Pass& pass, int64_t wanted) const;

  std::shared_ptr<T5AttentionLayer> time_, group_;
  std::shared_ptr<T5FeedForwardLayer> feed_forward_;
};

/// The blocks and the last norm.
class Chronos2Encoder : public torch::nn::Module {
 public:
  explicit Chronos2Encoder(const Chronos2Options& options);
  /// tokens: [B, S, D]; mask: [B, S] bool or undefined; returns the last `wanted` tokens, [B, wanted, D].
  at::Tensor forward(const at::Tensor& tokens, const at::Tensor& mask, const RowGroups& groups,
                     int64_t wanted, runtime::Trace* trace) const;
  void initialise(double factor);

 private:
  Chronos2Options options_;
  std::vector<std::shared_ptr<Chronos2Block>> blocks_;
  std::shared_ptr<nn::RmsNorm> final_layer_norm_;
};

}  // namespace arzoo::forecast
