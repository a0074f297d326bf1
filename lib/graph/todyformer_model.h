#pragma once

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <vector>

#include "graph/patches.h"
#include "graph/todyformer.h"

namespace arzoo::graph {

/// cos(x w + b): a code of times, whose w begins as 10^0 … 10^-9 (Time2Vec; GraphMixer's start).
class TimeCode : public torch::nn::Module {
 public:
  explicit TimeCode(int64_t width);
  /// x: [N] in units of time; returns [N, width].
  at::Tensor forward(const at::Tensor& x) const;

 private:
  at::Tensor weight_, bias_;  ///< [width]
};

/// Attention of a row over the messages that it receives: h' = lin_self(h) + lin_out(sum of weighted values).
class LocalLayer : public torch::nn::Module {
 public:
  LocalLayer(int64_t width, int64_t edge_width, int64_t heads);
  /// h: [R, D]; z: [N, Z], of each event; returns [R, D].
  at::Tensor forward(const at::Tensor& h, const at::Tensor& z, const Patches& patches) const;

 private:
  int64_t width_, heads_;
  torch::nn::Linear lin_q_, lin_k_, lin_v_, lin_self_, lin_out_;
};

/// A pre-norm Transformer layer over the patches of each node; where a node has no event there is no token.
class GlobalLayer : public torch::nn::Module {
 public:
  GlobalLayer(const TodyformerOptions& options);
  /// x: [R, D]; hidden: [U, 1, 1, M], -inf where there is no token; returns [R, D].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& hidden, const Patches& patches) const;

 private:
  at::Tensor attention(const at::Tensor& x, const at::Tensor& hidden, const Patches& patches) const;

  int64_t heads_;
  torch::nn::LayerNorm norm1_, norm2_;
  torch::nn::Linear qkv_, proj_, fc1_, fc2_;
};

/// Intermediate results, for traces.
struct EncoderTrace {
  Patches patches;
  at::Tensor positions;                    ///< [M, D]
  std::vector<at::Tensor> local, global_;  ///< of each block, [R, D]
};

/// The nodes of a window and their states, which predict links after it.
struct NodeStates {
  at::Tensor nodes;   ///< [U] long, ascending
  at::Tensor states;  ///< [U, D]
};

class Todyformer : public torch::nn::Module {
 public:
  explicit Todyformer(const TodyformerOptions& options);

  /// node_features: [V, node_dim] of all nodes. order: which patch's position each patch gets, [M] long;
  /// undefined for its own.
  NodeStates encode(const EventWindow& window, const at::Tensor& node_features, const at::Tensor& order = {},
                    EncoderTrace* trace = nullptr) const;
  /// The states of any nodes. ids: [Q] long; returns [Q, D].
  at::Tensor states_of(const NodeStates& known, const at::Tensor& ids, const at::Tensor& node_features) const;
  /// Logits of links between nodes of these states. Both [Q, D]; returns [Q].
  at::Tensor score(const at::Tensor& source, const at::Tensor& target) const;
  /// The same of these pairs.
  at::Tensor score(const NodeStates& known, const at::Tensor& source, const at::Tensor& target,
                   const at::Tensor& node_features) const {
    return score(states_of(known, source, node_features), states_of(known, target, node_features));
  }
  /// Mean binary cross entropy of links that came true and of others. Logits [K] each.
  static at::Tensor loss(const at::Tensor& positive, const at::Tensor& negative);

  const TodyformerOptions& options() const { return options_; }

 private:
  at::Tensor positions(const Patches& patches) const;

  TodyformerOptions options_;
  torch::nn::Linear node_in_, head1_, head2_;
  std::shared_ptr<TimeCode> time_, pos_time_;
  torch::nn::ModuleList blocks_;
  std::vector<std::vector<std::shared_ptr<LocalLayer>>> local_;
  std::vector<std::vector<std::shared_ptr<GlobalLayer>>> global_;
  torch::nn::LayerNorm norm_;
};

}  // namespace arzoo::graph
