#pragma once

#include <torch/nn/module.h>

#include <cstdint>

namespace arzoo::runtime {

/// Marks a module whose own parameters hold complex numbers as pairs of real ones (optimisers and file
/// formats know no others): a pair counts as one parameter, as in the papers.
class HoldsComplexPairs {
 public:
  virtual ~HoldsComplexPairs() = default;
};

struct ParameterCount {
  int64_t all = 0;
  int64_t trained = 0;  ///< those that training changes
};
ParameterCount count_parameters(const torch::nn::Module& model);

}  // namespace arzoo::runtime
