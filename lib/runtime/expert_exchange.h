#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <vector>

#include "core/share.h"
#include "runtime/shard_units.h"

namespace arzoo::runtime {

class ProcessGroup;

/// A layer whose experts can be shared out over processes: each computes with its own ones, on the tokens of
/// all (expert parallelism; Lepikhin et al., GShard, ICLR 2021).
class ExpertLayer {
 public:
  virtual ~ExpertLayer() = default;
  virtual std::vector<std::shared_ptr<torch::nn::Module>> expert_modules() const = 0;
  /// From now on training passes exchange their tokens in this group; null: they compute with all experts.
  virtual void share_experts(ProcessGroup* group) = 0;
};

/// The layers of a model that have experts.
std::vector<ExpertLayer*> expert_layers(const torch::nn::Module& model);

/// Each layer's experts, shared out in their order. Throws ConfigError where there are no layers.
UnitOwners expert_owners(const std::vector<ExpertLayer*>& layers, int64_t processes);

/// The way of one pass's rows to the processes that own their experts, and back. All processes of the group
/// must take it together.
class ExpertExchange {
 public:
  /// counts: the rows of each expert here, which lie in the experts' order.
  ExpertExchange(ProcessGroup& group, const std::vector<int64_t>& counts);

  /// rows: [N, D] by expert; returns [M, D]: of all processes, for the experts of this one, by process and
  /// then by expert. With autograd.
  at::Tensor to_owners(const at::Tensor& rows) const;
  /// The reverse.
  at::Tensor from_owners(const at::Tensor& rows) const;

  /// The experts of this process.
  const Share& own() const { return own_; }
  /// How many of the M rows are each own expert's.
  const std::vector<int64_t>& own_counts() const { return own_counts_; }
  /// [M] long: the M rows by expert and then by process; and the reverse.
  const at::Tensor& by_expert() const { return by_expert_; }
  const at::Tensor& by_process() const { return by_process_; }

 private:
  ProcessGroup& group_;
  Share own_;
  std::vector<int64_t> sent_, received_, own_counts_;
  at::Tensor by_expert_, by_process_;
};

}  // namespace arzoo::runtime
