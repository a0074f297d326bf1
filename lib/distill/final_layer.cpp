#include "distill/final_layer.h"

#include <torch/torch.h>

#include "kernels/modulated_norm.h"

namespace arzoo::distill {

at::Tensor kind_rows(const at::Tensor& table, int64_t data, int64_t all) {
  const auto rows = [&](int64_t kind, int64_t count) {
    return table.narrow(0, kind, 1).expand({count, table.size(1)});
  };
  return at::cat({rows(1, data), rows(0, all - data)}).unsqueeze(0);
}

FinalLayer::FinalLayer(int64_t width, int64_t channels) {
  linear_ = register_module("linear", std::make_shared<nn::LinearLayer>(width, channels));
  scale_shift_table_ = register_parameter("scale_shift_table", at::empty({2, width}));
}

at::Tensor FinalLayer::forward(const at::Tensor& x, const at::Tensor& condition) const {
  constexpr double kNormEpsilon = 1e-6;
  const auto both = (scale_shift_table_.unsqueeze(0) + condition.unsqueeze(1)).chunk(2, 1);
  return linear_->forward(kernels::modulated_norm(x, {both[1], both[0]}, kNormEpsilon, at::kFloat));
}

}  // namespace arzoo::distill
