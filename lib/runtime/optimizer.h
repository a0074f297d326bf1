#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace torch::nn {
class Module;
}

#include "core/share.h"
#include "runtime/training_options.h"

namespace arzoo::runtime {

/// Adam (Kingma & Ba, 2015) or AdamW (Loshchilov & Hutter, 2019), one fused kernel per tensor; PyTorch's
/// numbers.
class Adam {
 public:
  Adam(std::vector<at::Tensor> parameters, const TrainingOptions& options);
  /// The model's parameters; options.no_weight_decay names those without weight decay. With options.shard,
  /// this process's share of them is updated here, and has moments.
  Adam(const torch::nn::Module& model, const TrainingOptions& options, const Share& share = {});

  /// One update with the gradients that the parameters hold; parameters without a gradient stay as they are.
  void step(double learning_rate);
  /// The decay of the next steps: for schedules that change it.
  void set_weight_decay(double weight_decay) { weight_decay_ = weight_decay; }
  /// The decay of the first moment in the next steps: for schedules that change it.
  void set_first_beta(double beta) { beta1_ = beta; }
  void zero_grad();
  /// Scales all gradients, but for those of the parameters in `except`, so that their joint L2 norm is at
  /// most `limit`; returns the norm before.
  double clip_gradients(double limit, const std::vector<at::Tensor>& except = {});

  /// Brings each number of the gradients into [-limit, limit].
  void clip_gradient_values(double limit);

  const std::vector<at::Tensor>& parameters() const { return parameters_; }
  /// Moments in the order of the parameters and the number of updates each has had: all that a resumed run
  /// needs. Those of parameters that another process updates are undefined.
  struct State {
    std::vector<at::Tensor> exp_avg, exp_avg_sq, steps;
  };
  State& state() { return state_; }
  /// The process that updates each parameter; empty where each process updates all.
  const std::vector<int64_t>& owners() const { return owners_; }

 private:
  void add(const at::Tensor& parameter, bool decayed);
  void keep_own(const Share& share);
  void step(double learning_rate, bool decayed);

  std::vector<at::Tensor> parameters_;
  std::vector<bool> decayed_;  ///< of each parameter
  std::vector<int64_t> owners_;
  double beta1_, beta2_, eps_, weight_decay_;
  bool decoupled_;
  State state_;
};

/// Scales the gradients of these parameters so that their joint L2 norm is at most `limit`; returns the norm
/// before.
double clip_gradients(const std::vector<at::Tensor>& parameters, double limit);

/// The parameters shared out so that the processes have about as many numbers each: the largest first, to the
/// one that has the fewest so far.
std::vector<int64_t> owners_of(const std::vector<at::Tensor>& parameters, int64_t processes);

}  // namespace arzoo::runtime
