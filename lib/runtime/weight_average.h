#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <vector>

namespace arzoo::runtime {

/// The exponential moving average of a model's weights, which is evaluated and saved in their place.
class WeightAverage {
 public:
  /// It begins as the weights are. decay: in [0, 1); 0 for no average.
  WeightAverage(std::vector<at::Tensor> parameters, double decay);

  bool empty() const { return values_.empty(); }
  /// average = decay * average + (1 - decay) * weights: after each optimiser step.
  void update();
  /// Runs `work`, without autograd, with the average in the model; the weights are back when it returns or
  /// throws. Nothing is exchanged where there is no average.
  template <class Work>
  auto in_model(const Work& work) {
    const c10::NoGradGuard no_grad;
    struct Exchanged {
      explicit Exchanged(WeightAverage& own) : average(own) { average.exchange(); }
      ~Exchanged() { average.exchange(); }
      WeightAverage& average;
    } const exchanged(*this);
    return work();
  }

  /// In the order of the parameters; empty where there is no average. To be saved and restored.
  std::vector<at::Tensor>& values() { return values_; }
  const std::vector<at::Tensor>& values() const { return values_; }

 private:
  void exchange();

  std::vector<at::Tensor> parameters_, values_;
  double decay_;
};

}  // namespace arzoo::runtime
