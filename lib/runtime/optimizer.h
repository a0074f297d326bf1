#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

namespace torch::nn {
class Module;
}

#include "core/share.h"
#include "runtime/training_options.h"

namespace arzoo::runtime {

/// Adam (Kingma & Ba, 2015), AdamW (Loshchilov & Hutter, 2019) or gradient descent with momentum, one fused
/// kernel per tensor; PyTorch's numbers.
class Optimizer {
 public:
  Optimizer(std::vector<at::Tensor> parameters, const TrainingOptions& options);
  /// The model's parameters; options.no_weight_decay names those without weight decay. With options.shard,
  /// this process's share of them is updated here, and has moments. parts: what is updated in the place of
  /// each trained parameter, if not itself. Else, with options.param_dtype bf16, the fp32 parameters become
  /// bf16, and fp32 copies are updated in their place (options.master_weights).
  Optimizer(const torch::nn::Module& model, const TrainingOptions& options, const Share& share = {},
            const std::vector<at::Tensor>& parts = {});

  /// Moves the gradients of the model's parameters to the fp32 copies that are updated in their place; before
  /// they are clipped. Nothing where there are none.
  void collect_gradients();
  /// Gives the model the values of the copies; step() ends with it.
  void publish();
  /// One update with the gradients that the parameters hold; parameters without a gradient stay as they are.
  void step(double learning_rate);
  /// The decay of the next steps: for schedules that change it.
  void set_weight_decay(double weight_decay) { weight_decay_ = weight_decay; }
  /// The decay of the first moment in the next steps: for schedules that change it.
  void set_first_beta(double beta) { beta1_ = beta; }
  void zero_grad();
  /// Scales all gradients, but for those of the parameters in `except`, so that their joint L2 norm is at
  /// most `limit`; returns the norm before. only: the gradients of the parameters in `except` instead.
  double clip_gradients(double limit, const std::vector<at::Tensor>& except = {}, bool only = false);
  /// Where gradients are parts of larger ones: what makes the sum of all parts' squares of the own parts'.
  using JointSquares = std::function<double(double own)>;
  void set_joint_squares(JointSquares joint) { joint_squares_ = std::move(joint); }

  /// Brings each number of the gradients into [-limit, limit].
  void clip_gradient_values(double limit);

  /// What is updated: the model's trained parameters, or the parts or copies in their place.
  const std::vector<at::Tensor>& parameters() const { return parameters_; }
  /// The model's trained parameters themselves.
  const std::vector<at::Tensor>& model_parameters() const { return of_model_; }
  /// Whether fp32 copies are updated.
  bool has_masters() const { return masters_; }
  /// What is remembered of the gradients of each parameter, by PyTorch's name: "exp_avg" and "exp_avg_sq" of
  /// Adam, "momentum_buffer" of gradient descent.
  struct Moment {
    std::string name;
    std::vector<at::Tensor> values;
  };
  /// Moments in the order of the parameters and the number of updates each has had: all that a resumed run
  /// needs. Those of parameters that another process updates are undefined.
  struct State {
    std::vector<Moment> moments;
    std::vector<at::Tensor> steps;
  };
  State& state() { return state_; }
  const State& state() const { return state_; }
  /// The process that updates each parameter; empty where each process updates all.
  const std::vector<int64_t>& owners() const { return owners_; }

 private:
  void add(const at::Tensor& parameter, bool decayed, const at::Tensor& part);
  at::Tensor updated_in_place_of(at::Tensor parameter, const TrainingOptions& options);
  void keep_own(const Share& share);
  void step(double learning_rate, bool decayed);
  /// Of parameters that have a gradient, all alike: one update.
  struct Update;
  void apply(const Update& update) const;

  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> of_model_;  ///< the parameter that each belongs to
  JointSquares joint_squares_;
  std::vector<bool> decayed_;  ///< of each parameter
  std::vector<int64_t> owners_;
  std::string kind_;  ///< training.optimizer
  double beta1_, beta2_, eps_, momentum_, weight_decay_;
  bool masters_ = false;
  State state_;
};

/// Scales the gradients of these parameters so that their joint L2 norm is at most `limit`; returns the norm
/// before. joint: as the optimiser's.
double clip_gradients(const std::vector<at::Tensor>& parameters, double limit,
                      const Optimizer::JointSquares& joint = {});

/// The parameters shared out so that the processes have about as many numbers each: the largest first, to the
/// one that has the fewest so far.
std::vector<int64_t> owners_of(const std::vector<at::Tensor>& parameters, int64_t processes);

}  // namespace arzoo::runtime
