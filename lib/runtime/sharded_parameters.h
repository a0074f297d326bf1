#pragma once

#include <c10/core/GradMode.h>
#include <torch/nn/module.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/operator_watch.h"

namespace arzoo::runtime {

class ProcessGroup;

/// How the weights of a sharded model are kept and sent.
struct ShardPrecision {
  at::ScalarType type = at::kFloat;  ///< of the weights that the model computes with, and of the gradients
  bool masters = true;               ///< each process keeps its parts in fp32, whatever the type
};

/// What the first process does alone: it reads the weights, or gives all processes new ones.
enum class LoneWork { reads_weights, changes_weights };

/// A model's parameters shared out over several processes (ZeRO stage 3, Rajbhandari et al., SC 2020; fully
/// sharded data parallel, Zhao et al., VLDB 2023). Each process keeps a part of every parameter, of its
/// gradient and of what an optimiser knows of it. The parameters of a unit (runtime/shard_units.h) are
/// gathered when an operator of the forward or backward pass needs one of them, and freed after; those of the
/// next unit travel meanwhile. A unit's gradients are summed up part by part once they are complete.
///
/// All processes must use the units in the same order. A parameter's memory is empty while it is not
/// gathered: code that reads it must be an operator of LibTorch's, in one of the passes below.
class ShardedParameters {
 public:
  /// Takes the model's parameters over: until one of the passes below they have no memory. Both must outlive
  /// this. Each process must have the same weights. expert_parallel: the experts of the model's layers are
  /// kept whole, each by one process, and the layers exchange their tokens. Throws ConfigError where there
  /// are none.
  ShardedParameters(torch::nn::Module& model, ProcessGroup& group, const ShardPrecision& precision,
                    bool expert_parallel = false);
  ~ShardedParameters();

  /// This process's parts of the trained parameters, in their order, [n] with n from 0: what an optimiser
  /// updates. Their gradients are set by finish_step().
  const std::vector<at::Tensor>& parts() const;

  /// Whether the parts are fp32 copies of weights in another type.
  bool has_masters() const;

  /// Runs `work`, an evaluation without autograd, in all processes: operators find the weights that they
  /// need. All must call the model's layers equally often.
  template <class Work>
  auto unit_by_unit(const Work& work) {
    const Pass pass(*this);
    return work();
  }
  /// Runs `work`, without autograd, in the first process alone, which finds the weights, and what joined()
  /// has returned, unit by unit as its operators need them. The others take part in gathering them until it
  /// is done: all must call this. `work` must not send messages.
  void in_first(LoneWork kind, const std::function<void()>& work);

  /// Everybody takes the first process's weights of the parameters that `change` writes to. In the scope of
  /// watch().
  void follow_first(const std::function<void()>& change);

  /// While the result lives, operators find the weights that they need.
  std::unique_ptr<OperatorWatch> watch();
  /// After each backward pass: all gradients are summed up, and everything is freed.
  void finish_backward();
  /// Before an optimiser's step: the parts' gradients, averaged over the processes; none where no process has
  /// one.
  void finish_step();
  /// After it: frees them.
  void end_step();

  /// Sum of a number over the processes: of squares that make a norm.
  double sum(double own) const;

  /// One tensor for each trained parameter, in the parameter's shape, made of all processes' parts, for the
  /// next in_first(). parts: like parts(), of any type, all undefined or none.
  std::vector<at::Tensor> joined(const std::vector<at::Tensor>& parts);
  /// The reverse: each process gets its parts of the first one's tensors, which are empty elsewhere.
  void cut(const std::vector<at::Tensor>& whole, const std::vector<at::Tensor>& parts) const;

  /// Bytes of weights and gradients that this process keeps, and those of the gathered units in a step.
  int64_t kept_bytes() const;
  int64_t gathered_bytes() const;
  int64_t units() const;

 private:
  struct State;
  class Pass {
   public:
    explicit Pass(ShardedParameters& own);
    ~Pass();
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    ShardedParameters& sharded_;
    c10::NoGradGuard no_grad_;
    std::unique_ptr<OperatorWatch> watch_;
  };

  std::unique_ptr<State> state_;
};

}  // namespace arzoo::runtime
