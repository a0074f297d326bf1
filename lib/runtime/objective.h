#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "runtime/losses.h"

namespace arzoo::runtime {

/// What training minimises, batch by batch: all that an optimiser step needs of a family.
class Objective {
 public:
  virtual ~Objective() = default;

  /// Called before each training batch's loss: for changes of the weights that are not the optimiser's. Its
  /// random numbers come from the default generator.
  virtual void prepare(int64_t /*batch*/) {}
  /// The loss of batch `batch`, counted over all epochs. A pure function of the seed, `batch`, the weights
  /// and the default generator, so that a run that stopped anywhere goes on as if it had not.
  virtual Losses loss(int64_t batch) = 0;
  /// Called when the gradients of step `step` are complete, before they are clipped: for objectives that
  /// allow some directions only, and for those that look at them. Autograd is off.
  virtual void on_gradients(int64_t /*step*/) {}
  /// Parameters whose gradients are clipped by a norm of their own: a discriminator's, beside the model's.
  virtual std::vector<at::Tensor> clipped_apart() const { return {}; }
};

}  // namespace arzoo::runtime
