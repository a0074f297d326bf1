#include "runtime/parameter_count.h"

#include <torch/torch.h>

namespace arzoo::runtime {

ParameterCount count_parameters(const torch::nn::Module& model) {
  ParameterCount count;
  const int64_t numbers = dynamic_cast<const HoldsComplexPairs*>(&model) != nullptr ? 2 : 1;
  for (const auto& parameter : model.parameters(/*recurse=*/false)) {
    count.all += parameter.numel() / numbers;
    if (parameter.requires_grad()) count.trained += parameter.numel() / numbers;
  }
  for (const auto& child : model.children()) {
    const auto of_child = count_parameters(*child);
    count.all += of_child.all;
    count.trained += of_child.trained;
  }
  return count;
}

}  // namespace arzoo::runtime
