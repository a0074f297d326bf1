#include "nn/embedding_table.h"

#include <torch/torch.h>

namespace arzoo::nn {

at::Tensor register_table(torch::nn::Module& owner, const char* name, int64_t rows, int64_t width) {
  auto table = std::make_shared<torch::nn::Module>();
  const auto weight = table->register_parameter("weight", at::empty({rows, width}));
  owner.register_module(name, table);
  return weight;
}

}  // namespace arzoo::nn
