#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "runtime/losses.h"
#include "runtime/message_times.h"

namespace torch::nn {
class Module;
}

namespace arzoo::runtime {

class Optimizer;
class OperatorWatch;
class ProcessGroup;
class ShardedParameters;

/// Keeps the copies of a model that several processes train on parts of each batch the same: gradients become
/// the mean over the joint batch's samples, in buckets that are reduced while backward still runs (LibTorch's
/// c10d::Reducer).
class DataParallel {
 public:
  /// Gives every process the first one's weights. parameters: those that are trained. sharded: where each
  /// process keeps parts of them only, which are then the same model's already. All must outlive this.
  DataParallel(ProcessGroup& group, torch::nn::Module& model, std::vector<at::Tensor> parameters,
               ShardedParameters* sharded = nullptr);
  ~DataParallel();

  /// Gives every process the first one's weights and buffers; of a sharded model the buffers.
  void share_weights();
  /// Around the batches of an optimiser step: a sharded model's weights are found while the result lives;
  /// null for another.
  std::unique_ptr<OperatorWatch> watch();
  /// After a step of an optimiser whose work is shared out: every process gets what the others have updated.
  void share_updates(const Optimizer& optimizer);

  /// What the processes' parts of a batch come to.
  struct JointLoss {
    double mean = 0.0;    ///< of the samples of all parts
    double weight = 0.0;  ///< of this part's loss in it, times the number of processes
    bool stop = false;    ///< some process was asked to stop
  };
  /// loss: the mean of this part's `samples`.
  JointLoss joint(double loss, double samples, bool stop);
  /// loss.backward(). The gradients that the `last` batch of an optimiser step leaves are the joint ones;
  /// before it they add up here alone. Throws SystemFailure when another process is lost meanwhile.
  void backward(const at::Tensor& loss, bool last);

  /// Before a batch: another stream of random numbers for each process, from the seed of the run; then
  /// `change`, which may change weights and buffers, in which everybody follows the first process.
  void prepare(int64_t batch, const std::function<void()>& change);
  /// The buffers that the last forward pass changed (running statistics, counts) become the mean over the
  /// processes.
  void average_buffers();
  /// Of this process; no steps where the gradients are not reduced in buckets.
  const MessageTimes& message_times() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Each number averaged over the processes' samples; the names are the same everywhere.
Metrics joint_means(ProcessGroup& group, const Metrics& values, double samples);

}  // namespace arzoo::runtime
