#pragma once

#include <torch/nn/module.h>

namespace arzoo::icl {

/// A model that learns from its input. Its constructor does not initialise the weights: a model is either
/// loaded or initialised as a whole.
class InContextLearner : public torch::nn::Module {
 public:
  /// Initialises the weights as the official code does, from the default generator.
  virtual void initialise() = 0;
};

/// One that learns a function from the points of a prompt. B prompts, P points, d coordinates.
class FunctionLearner : public InContextLearner {
 public:
  /// The y of each point from the points before it. xs: [B, P, d]; ys: [B, P], of which the last is never
  /// read; returns [B, P].
  virtual at::Tensor predict(const at::Tensor& xs, const at::Tensor& ys) = 0;
  /// What training minimises, a scalar.
  virtual at::Tensor loss(const at::Tensor& xs, const at::Tensor& ys) = 0;
};

}  // namespace arzoo::icl
