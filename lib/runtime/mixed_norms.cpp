#include "runtime/mixed_norms.h"

#include <torch/library.h>
#include <torch/torch.h>

namespace arzoo::runtime {
namespace {

using Parameter = std::optional<at::Tensor>;

class BelowAutocast {
  c10::impl::ExcludeDispatchKeyGuard guard_{c10::DispatchKey::AutocastCPU};
};

bool is_narrow(const Parameter& parameter) {
  return parameter && parameter->defined() && parameter->scalar_type() != at::kFloat &&
         at::isReducedFloatingType(parameter->scalar_type());
}

/// The parameter in the type that goes with the input's.
Parameter beside(const at::Tensor& input, const Parameter& parameter) {
  return input.scalar_type() == at::kFloat && is_narrow(parameter) ? parameter->to(at::kFloat) : parameter;
}

at::Tensor layer_norm(const at::Tensor& input, c10::SymIntArrayRef shape, const Parameter& weight,
                      const Parameter& bias, double eps, bool cudnn) {
  const BelowAutocast below;
  return at::layer_norm_symint(input, shape, beside(input, weight), beside(input, bias), eps, cudnn);
}

at::Tensor group_norm(const at::Tensor& input, int64_t groups, const Parameter& weight, const Parameter& bias,
                      double eps, bool cudnn) {
  const BelowAutocast below;
  return at::group_norm(input, groups, beside(input, weight), beside(input, bias), eps, cudnn);
}

/// The running statistics are fp32 whatever the parameters are, so all is.
at::Tensor batch_norm(const at::Tensor& input, const Parameter& weight, const Parameter& bias,
                      const Parameter& running_mean, const Parameter& running_var, bool training,
                      double momentum, double eps, bool cudnn) {
  const BelowAutocast below;
  const auto wide = is_narrow(weight) ? input.to(at::kFloat) : input;
  return at::batch_norm(wide, beside(wide, weight), beside(wide, bias), running_mean, running_var, training,
                        momentum, eps, cudnn);
}

torch::Library registered() {
  torch::Library library(torch::Library::IMPL, "aten", c10::DispatchKey::AutocastCPU, __FILE__, __LINE__);
  library.impl("layer_norm", TORCH_FN(layer_norm));
  library.impl("group_norm", TORCH_FN(group_norm));
  library.impl("batch_norm", TORCH_FN(batch_norm));
  return library;
}

}  // namespace

void mix_norms_on_cpu() { static const torch::Library library = registered(); }

}  // namespace arzoo::runtime
