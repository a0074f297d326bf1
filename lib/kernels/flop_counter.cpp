#include "kernels/flop_counter.h"

#include <torch/torch.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <unordered_map>

namespace arzoo::kernels {
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

/// matrix: [N, K] at `first`, or a vector [K] that a vector is multiplied with.
template <std::size_t first>
double vector_product_flops(Inputs inputs) {
  return 2.0 * numel(inputs[first]);
}

/// Pairs of query and key that causal attention of LibTorch's computes: query i sees the first i + 1 keys.
double causal_pairs(int64_t queries, int64_t keys) {
  const int64_t growing = std::min(queries, keys);
  return 0.5 * static_cast<double>(growing) * static_cast<double>(growing + 1) +
         static_cast<double>(queries - growing) * static_cast<double>(keys);
}

/// Scores and their product with the values. q: [.., L, E], k: [.., S, E], v: [.., S, Ev]; whether it is
/// causal stands at `causal`.
template <std::size_t causal>
double attention_flops(Inputs inputs) {
  const auto q = inputs[0].toTensor(), k = inputs[1].toTensor(), v = inputs[2].toTensor();
  const int64_t queries = q.size(-2), keys = k.size(-2);
  const double heads =
      static_cast<double>(q.numel()) / static_cast<double>(std::max<int64_t>(1, queries * q.size(-1)));
  const double pairs = inputs[causal].toBool() ? causal_pairs(queries, keys)
                                               : static_cast<double>(queries) * static_cast<double>(keys);
  return 2.0 * heads * pairs * static_cast<double>(q.size(-1) + v.size(-1));
}

/// The scores once more, and two products for each of the two forward ones. Inputs: grad_out, q, k, v.
template <std::size_t causal>
double attention_backward_flops(Inputs inputs) {
  return 2.5 * attention_flops<causal - 1>(inputs.slice(1));
}

/// Gaussian elimination of a: [.., n, n] at 0, then two triangular solves for each column of b at 1.
double solve_flops(Inputs inputs) {
  const auto n = static_cast<double>(inputs[0].toTensor().size(-1));
  return 2.0 / 3.0 * n * numel(inputs[0]) + 2.0 * n * numel(inputs[1]);
}
double inverse_flops(Inputs inputs) {
  return 2.0 * static_cast<double>(inputs[0].toTensor().size(-1)) * numel(inputs[0]);
}
/// lu: [.., n, n] at 0, factorised; b at 2.
double lu_solve_flops(Inputs inputs) {
  return 2.0 * static_cast<double>(inputs[0].toTensor().size(-1)) * numel(inputs[2]);
}

/// One entry for all spatial axes, or one each.
int64_t along(const std::vector<int64_t>& values, int64_t axis) {
  return values.size() == 1 ? values[0] : values[static_cast<std::size_t>(axis)];
}

struct ConvolutionSteps {
  std::vector<int64_t> stride, padding, dilation;
};

/// `many`: the side of the convolution where each element meets a whole filter (the output; of a transposed
/// one the input).
double filter_flops(double many, const at::Tensor& weight) {
  return 2.0 * many * static_cast<double>(weight.numel() / weight.size(0));
}

/// One filter for each element of the output of a convolution that is not transposed.
double forward_convolution_flops(const at::Tensor& input, const at::Tensor& weight,
                                 const ConvolutionSteps& steps) {
  const int64_t axes = weight.dim() - 2;
  double output = static_cast<double>(weight.size(0)) *
                  (input.dim() > axes + 1 ? static_cast<double>(input.size(0)) : 1.0);
  for (int64_t axis = 0; axis < axes; ++axis) {
    const int64_t reach = along(steps.dilation, axis) * (weight.size(axis + 2) - 1) + 1;
    const int64_t room = input.size(axis - axes) + 2 * along(steps.padding, axis) - reach;
    output *= static_cast<double>(room / along(steps.stride, axis) + 1);
  }
  return filter_flops(output, weight);
}

/// input, weight, bias, stride, padding, dilation, transposed, ...
double convolution_flops(Inputs inputs) {
  const auto input = inputs[0].toTensor(), weight = inputs[1].toTensor();
  if (inputs[6].toBool()) return filter_flops(static_cast<double>(input.numel()), weight);
  return forward_convolution_flops(
      input, weight, {inputs[3].toIntVector(), inputs[4].toIntVector(), inputs[5].toIntVector()});
}

/// oneDNN's convolution with a packed weight: input, weight, bias, padding, stride, dilation, groups, ...
double packed_convolution_flops(Inputs inputs) {
  return forward_convolution_flops(
      inputs[0].toTensor(), inputs[1].toTensor(),
      {inputs[4].toIntVector(), inputs[3].toIntVector(), inputs[5].toIntVector()});
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
      {"aten::mv", &vector_product_flops<0>},
      {"aten::dot", &vector_product_flops<0>},
      {"aten::addmv", &vector_product_flops<1>},
      {"aten::addmv_", &vector_product_flops<1>},
      {"aten::addmm", &product_flops<1>},
      {"aten::addmm_", &product_flops<1>},
      {"aten::_addmm_activation", &product_flops<1>},
      {"aten::baddbmm", &product_flops<1>},
      {"aten::baddbmm_", &product_flops<1>},
      {"aten::addbmm", &product_flops<1>},
      {"aten::linalg_solve", &solve_flops},
      {"aten::linalg_inv", &inverse_flops},
      {"aten::linalg_lu_solve", &lu_solve_flops},
      {"mkldnn::_linear_pointwise", &linear_flops},
      {"mkldnn::_convolution_pointwise", &packed_convolution_flops},
      {"aten::_scaled_dot_product_flash_attention_for_cpu", &attention_flops<4>},
      {"aten::_scaled_dot_product_flash_attention_for_cpu_backward", &attention_backward_flops<7>},
      {"aten::_scaled_dot_product_flash_attention", &attention_flops<4>},
      {"aten::_scaled_dot_product_flash_attention_backward", &attention_backward_flops<11>},
      {"aten::_scaled_dot_product_efficient_attention", &attention_flops<6>},
      {"aten::_scaled_dot_product_efficient_attention_backward", &attention_backward_flops<11>},
      {"aten::_scaled_dot_product_cudnn_attention", &attention_flops<6>},
      {"aten::_scaled_dot_product_cudnn_attention_backward", &attention_backward_flops<14>},
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
  // Whether the counter counts what this thread does.
  static inline thread_local bool is_counting = false;
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
  Observer::is_counting = true;
}

FlopCounter::~FlopCounter() {
  at::removeCallback(handle_);
  Observer::is_counting = false;
  Observer::counter.store(nullptr);
}

void count_flops(double flops) {
  if (FlopCounter::Observer::is_counting) FlopCounter::Observer::counter.load()->flops_.fetch_add(flops);
}

}  // namespace arzoo::kernels
