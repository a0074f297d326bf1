#include "runtime/flop_counter.h"

#include <torch/torch.h>

#include <stdexcept>
#include <string_view>
#include <unordered_map>

namespace arzoo::runtime {
namespace {

using Inputs = c10::ArrayRef<const c10::IValue>;
using Formula = double (*)(Inputs);

double numel(const c10::IValue& tensor) { return static_cast<double>(tensor.toTensor().numel()); }

/// Left operand [.., M, K] at `first`, right one [.., K, N] behind it: 2 M K N for each product of the batch.
template <std::size_t first>
double product_flops(Inputs inputs) {
  return 2.0 * numel(inputs[first]) * static_cast<double>(inputs[first + 1].toTensor().size(-1));
}

/// x: [.., K]; weight: [N, K].
double linear_flops(Inputs inputs) {
  return 2.0 * numel(inputs[0]) * static_cast<double>(inputs[1].toTensor().size(0));
}

/// Scores and their product with the values. q: [.., L, E], k: [.., S, E], v: [.., S, Ev].
double attention_flops(Inputs inputs) {
  const auto q = inputs[0].toTensor(), k = inputs[1].toTensor(), v = inputs[2].toTensor();
  const double scores = static_cast<double>(q.numel() / q.size(-1) * k.size(-2));
  return 2.0 * scores * static_cast<double>(q.size(-1) + v.size(-1));
}

/// The scores once more, and two products for each of the two forward ones. Inputs: grad_out, q, k, v.
double attention_backward_flops(Inputs inputs) { return 2.5 * attention_flops(inputs.slice(1)); }

/// One entry for all spatial axes, or one each.
int64_t along(const std::vector<int64_t>& values, int64_t axis) {
  return values.size() == 1 ? values[0] : values[static_cast<std::size_t>(axis)];
}

/// `many`: the side of the convolution where each element meets a whole filter (the output; of a transposed
/// one the input).
double filter_flops(double many, const at::Tensor& weight) {
  return 2.0 * many * static_cast<double>(weight.numel() / weight.size(0));
}

/// input, weight, bias, stride, padding, dilation, transposed, ...
double convolution_flops(Inputs inputs) {
  const auto input = inputs[0].toTensor(), weight = inputs[1].toTensor();
  if (inputs[6].toBool()) return filter_flops(static_cast<double>(input.numel()), weight);
  const auto stride = inputs[3].toIntVector(), padding = inputs[4].toIntVector(),
             dilation = inputs[5].toIntVector();
  const int64_t axes = weight.dim() - 2;
  double output = static_cast<double>(weight.size(0)) *
                  (input.dim() > axes + 1 ? static_cast<double>(input.size(0)) : 1.0);
  for (int64_t axis = 0; axis < axes; ++axis) {
    const int64_t reach = along(dilation, axis) * (weight.size(axis + 2) - 1) + 1;
    const int64_t room = input.size(axis - axes) + 2 * along(padding, axis) - reach;
    output *= static_cast<double>(room / along(stride, axis) + 1);
  }
  return filter_flops(output, weight);
}

/// grad_output, input, weight, bias_sizes, stride, padding, dilation, transposed, output_padding, groups,
/// output_mask
double convolution_backward_flops(Inputs inputs) {
  const auto wanted = inputs[10].toBoolList();
  const double many = numel(inputs[7].toBool() ? inputs[1] : inputs[0]);
  return (static_cast<double>(wanted[0]) + static_cast<double>(wanted[1])) *
         filter_flops(many, inputs[2].toTensor());
}

const Formula* find_formula(const char* name) {
  static const std::unordered_map<std::string_view, Formula> formulas{
      {"aten::mm", &product_flops<0>},
      {"aten::bmm", &product_flops<0>},
      {"aten::_int_mm", &product_flops<0>},
      {"aten::mv", &linear_flops},
      {"aten::addmm", &product_flops<1>},
      {"aten::addmm_", &product_flops<1>},
      {"aten::_addmm_activation", &product_flops<1>},
      {"aten::baddbmm", &product_flops<1>},
      {"aten::baddbmm_", &product_flops<1>},
      {"mkldnn::_linear_pointwise", &linear_flops},
      {"aten::_scaled_dot_product_flash_attention_for_cpu", &attention_flops},
      {"aten::_scaled_dot_product_flash_attention_for_cpu_backward", &attention_backward_flops},
      {"aten::_scaled_dot_product_flash_attention", &attention_flops},
      {"aten::_scaled_dot_product_flash_attention_backward", &attention_backward_flops},
      {"aten::_scaled_dot_product_efficient_attention", &attention_flops},
      {"aten::_scaled_dot_product_efficient_attention_backward", &attention_backward_flops},
      {"aten::convolution", &convolution_flops},
      {"aten::convolution_backward", &convolution_backward_flops},
  };
  const auto found = formulas.find(name);
  return found == formulas.end() ? nullptr : &found->second;
}

}  // namespace

/// LibTorch takes plain functions as callbacks: what they count into is the one counter that lives.
struct FlopCounter::Observer {
  struct Counted : at::ObserverContext {};

  static inline std::atomic<FlopCounter*> counter = nullptr;
  // A product calls itself again below autocast, and a convolution may be made of products: the outermost
  // counts.
  static inline thread_local int depth = 0;

  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& call) {
    const auto* formula = find_formula(call.name());
    auto* target = counter.load();
    if (formula == nullptr || target == nullptr) return nullptr;
    if (depth++ == 0) target->flops_.fetch_add((*formula)(call.inputs()));
    return std::make_unique<Counted>();
  }
  static void end(const at::RecordFunction&, at::ObserverContext* counted) {
    if (counted != nullptr) --depth;
  }
};

FlopCounter::FlopCounter() {
  FlopCounter* none = nullptr;
  if (!Observer::counter.compare_exchange_strong(none, this))
    throw std::logic_error("a FlopCounter is there already");
  handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(&Observer::begin, &Observer::end)
                                           .needsInputs(true)
                                           .scopes({at::RecordScope::FUNCTION}));
}

FlopCounter::~FlopCounter() {
  at::removeCallback(handle_);
  Observer::counter.store(nullptr);
}

}  // namespace arzoo::runtime
