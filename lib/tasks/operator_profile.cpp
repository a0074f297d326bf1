#include "tasks/operator_profile.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace arzoo::tasks {
namespace {

using Clock = std::chrono::steady_clock;

double bytes_of(c10::ArrayRef<const c10::IValue> values) {
  double bytes = 0.0;
  for (const auto& value : values) {
    if (value.isTensor() && value.toTensor().defined())
      bytes += static_cast<double>(value.toTensor().numel() * value.toTensor().itemsize());
    if (!value.isTensorList()) continue;
    for (const at::Tensor& tensor : value.toTensorVector())
      if (tensor.defined()) bytes += static_cast<double>(tensor.numel() * tensor.itemsize());
  }
  return bytes;
}

/// The first of these that is in an operation's name tells its kind.
struct Kind {
  const char* kind;
  std::vector<std::string_view> parts;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"attention", {"scaled_dot_product", "flash_attention"}},
      {"convolutions", {"convolution", "conv1d", "conv2d", "conv3d"}},
      {"products",
       {"::mm", "addmm", "bmm", "matmul", "linear", "_int_mm", "::mv", "addmv", "::dot", "einsum",
        "_grouped_mm"}},
      {"norms", {"norm", "::var", "::std"}},
      {"softmax and losses", {"softmax", "loss", "cross_entropy", "logsumexp"}},
      {"optimiser", {"adam", "_foreach"}},
      {"Fourier transforms", {"fft"}},
      {"random numbers",
       {"rand", "dropout", "bernoulli", "multinomial", "normal_", "uniform_", "exponential_"}},
      {"indexing and sorting",
       {"index", "gather", "scatter", "embedding", "sort", "topk", "nonzero", "masked"}},
      {"copies",
       {"copy", "clone", "contiguous", "cat", "stack", "_to_copy", "::to", "pad", "fill", "zero_", "expand",
        "repeat", "upsample", "roll"}},
      {"reductions", {"sum", "mean", "max", "min", "argm", "cumsum", "prod"}},
      {"views",
       {"empty", "zeros", "resize_", "view", "reshape", "transpose", "permute", "::t", "slice", "select",
        "narrow", "squeeze", "as_strided", "split", "chunk", "unbind", "detach", "alias"}}};
  return all;
}

}  // namespace

std::string operator_kind(const std::string& name) {
  for (const auto& [kind, parts] : kinds()) {
    const auto holds = [&](std::string_view part) {
      // "::t" is the whole of a name.
      return part == "::t" || part == "::to" ? name.ends_with(part) : name.find(part) != std::string::npos;
    };
    if (std::any_of(parts.begin(), parts.end(), holds)) return kind;
  }
  return "elementwise";
}

/// An operation that has begun.
struct OperatorProfile::Frame : at::ObserverContext {
  OperatorProfile* profile = nullptr;
  Clock::time_point begin;
  double flops_before = 0.0, inner_seconds = 0.0, inner_flops = 0.0, bytes = 0.0;
  bool inner_moves = false;  ///< an operation that it called has counted its bytes
};

/// LibTorch takes plain functions as callbacks; they are called in the thread of the profile alone.
struct OperatorProfile::Observer {
  static inline thread_local OperatorProfile* present = nullptr;

  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& call) {
    if (present == nullptr) return nullptr;
    auto frame = std::make_unique<Frame>();
    frame->profile = present;
    frame->bytes = bytes_of(call.inputs());
    frame->flops_before = present->counter_.flops();
    present->open_.push_back(frame.get());
    frame->begin = Clock::now();
    return frame;
  }

  static void end(const at::RecordFunction& call, at::ObserverContext* context) {
    auto* frame = static_cast<Frame*>(context);
    if (frame == nullptr || present != frame->profile || present->open_.empty() ||
        present->open_.back() != frame)
      return;
    const double seconds = std::chrono::duration<double>(Clock::now() - frame->begin).count();
    const double flops = present->counter_.flops() - frame->flops_before;
    present->open_.pop_back();
    auto& cost = present->costs_[call.name()];
    ++cost.calls;
    cost.seconds += seconds - frame->inner_seconds;
    cost.flops += flops - frame->inner_flops;
    if (cost.calls == 1) cost.moves = operator_kind(call.name()) != "views";
    const bool moves = cost.moves && !frame->inner_moves;
    const auto& outputs = call.outputs();
    const c10::ArrayRef<const c10::IValue> results(outputs.data(), outputs.size());
    if (moves) cost.bytes += frame->bytes + bytes_of(results);
    if (present->open_.empty()) return;
    present->open_.back()->inner_moves |= moves || frame->inner_moves;
    present->open_.back()->inner_seconds += seconds;
    present->open_.back()->inner_flops += flops;
  }
};

OperatorProfile::OperatorProfile()
    : handle_(at::addThreadLocalCallback(at::RecordFunctionCallback(&Observer::begin, &Observer::end)
                                             .needsInputs(true)
                                             .needsOutputs(true)
                                             .scopes({at::RecordScope::FUNCTION}))) {
  Observer::present = this;
}

OperatorProfile::~OperatorProfile() {
  Observer::present = nullptr;
  at::removeCallback(handle_);
}

}  // namespace arzoo::tasks
