#include "runtime/postponed_weights.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <vector>

#include "runtime/device.h"

namespace arzoo::runtime {
namespace {

// LibTorch reserves this key, above autograd, and brings nothing for it.
constexpr auto kPostpones = c10::DispatchKey::TESTING_ONLY_GenericMode;
constexpr std::size_t kLeastBytes = std::size_t{1} << 20;

/// An operator that fills or changes a tensor, its first argument, in place.
struct WeightFill {
  c10::OperatorHandle op;
  torch::jit::Stack arguments;
  at::Tensor random_state;  ///< before it, where it takes random numbers
};

/// The fills of a storage, in their order.
struct PendingWeight {
  c10::Storage storage;  ///< keeps its address from being another's
  std::vector<WeightFill> fills;
};

bool is_one_of(const std::string& name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_random(const std::string& name) { return is_one_of(name, {"aten::uniform_", "aten::normal_"}); }

/// Changes a tensor by numbers alone.
bool is_arithmetic(const std::string& name) {
  return is_one_of(name,
                   {"aten::zero_", "aten::fill_", "aten::mul_", "aten::div_", "aten::add_", "aten::sub_",
                    "aten::clamp_", "aten::clamp_min_", "aten::clamp_max_", "aten::erfinv_"});
}

/// Reads no numbers.
bool is_blind(const std::string& name) {
  return is_one_of(name, {"aten::empty_like", "aten::zeros_like", "aten::ones_like", "aten::requires_grad_",
                          "aten::detach", "aten::_has_compatible_shallow_copy_type", "aten::is_same_size"});
}

bool covers_storage(const at::Tensor& tensor) {
  return tensor.is_contiguous() && tensor.storage_offset() == 0 &&
         tensor.nbytes() == tensor.storage().nbytes();
}

/// Tensors among the arguments.
std::vector<at::Tensor> tensors_in(const torch::jit::Stack& stack, std::size_t count) {
  std::vector<at::Tensor> tensors;
  for (std::size_t i = stack.size() - count; i < stack.size(); ++i) {
    const auto& value = stack[i];
    if (value.isTensor() && value.toTensor().defined()) tensors.push_back(value.toTensor());
    if (!value.isList()) continue;
    for (const auto& item : value.toListRef()) {
      if (item.isTensor() && item.toTensor().defined()) tensors.push_back(item.toTensor());
    }
  }
  return tensors;
}

/// The results may be views of the arguments: `to`, `contiguous` and `reshape` are where they can.
bool may_alias(const c10::FunctionSchema& schema) {
  return std::any_of(schema.arguments().begin(), schema.arguments().end(), [](const c10::Argument& argument) {
    return argument.alias_info() != nullptr && !argument.alias_info()->isWrite();
  });
}

}  // namespace

struct PostponedWeights::Notes {
  std::unordered_map<const c10::StorageImpl*, PendingWeight> pending;
  /// What random numbers are taken into that nobody reads. It stays, so that its pages are not a weight's
  /// later.
  at::Tensor scratch;

  PendingWeight* find(const at::Tensor& tensor) {
    if (!tensor.has_storage()) return nullptr;
    const auto found = pending.find(tensor.storage().unsafeGetStorageImpl());
    return found == pending.end() ? nullptr : &found->second;
  }

  /// Takes the numbers out of the generator.
  void skip(const WeightFill& fill) {
    const auto& tensor = fill.arguments.front().toTensor();
    const auto bytes = static_cast<int64_t>(tensor.nbytes());
    if (!scratch.defined() || scratch.numel() < bytes) scratch = at::empty({bytes}, at::kByte);
    auto arguments = fill.arguments;
    arguments.front() = scratch.narrow(0, 0, bytes).view(tensor.scalar_type()).view(tensor.sizes());
    fill.op.callBoxed(arguments);
  }

  void note(WeightFill fill, bool overwrites) {
    const auto& tensor = fill.arguments.front().toTensor();
    auto& notes =
        pending.try_emplace(tensor.storage().unsafeGetStorageImpl(), PendingWeight{tensor.storage(), {}})
            .first->second;
    if (overwrites) notes.fills.clear();
    notes.fills.push_back(std::move(fill));
  }

  void fill(const c10::StorageImpl* memory) {
    const auto notes = std::move(pending.at(memory));
    pending.erase(memory);
    const torch::NoGradGuard no_grad;
    const auto before = random_state();
    for (const auto& [op, arguments, state] : notes.fills) {
      if (state.defined()) set_random_state(state);
      auto stack = arguments;
      op.callBoxed(stack);
    }
    set_random_state(before);
  }

  void fill_all() {
    while (!pending.empty()) {
      const auto& [memory, notes] = *pending.begin();
      if (notes.storage.use_count() > 1 + notes.fills.size())
        fill(memory);
      else
        pending.erase(pending.begin());  // nobody has it any more
    }
  }
};

namespace {

thread_local PostponedWeights* postponing = nullptr;

}  // namespace

/// What happens to LibTorch's operators meanwhile.
struct PostponedOperators {
  /// Whether the operator has been noted instead of done.
  static bool postpone(PostponedWeights::Notes& notes, const c10::OperatorHandle& op,
                       torch::jit::Stack& stack) {
    const auto count = op.schema().arguments().size();
    if (count == 0 || !stack[stack.size() - count].isTensor()) return false;
    const at::Tensor self = stack[stack.size() - count].toTensor();
    if (!self.defined() || !self.is_cpu() || !self.is_contiguous() || !self.has_storage()) return false;
    const auto& name = op.operator_name().name;
    const auto tensors = tensors_in(stack, count);
    const bool covers = covers_storage(self), is_pending = notes.find(self) != nullptr;
    WeightFill fill{op, torch::jit::Stack(stack.end() - static_cast<std::ptrdiff_t>(count), stack.end()), {}};
    fill.arguments.front() = self.variable_data();  // the tensor itself may be given other memory
    if (is_random(name)) {
      const bool is_large = covers && self.nbytes() >= kLeastBytes && self.is_floating_point();
      if (tensors.size() != 1 || !fill.arguments.back().isNone() || !(is_pending || is_large)) return false;
      fill.random_state = random_state();
      notes.skip(fill);
    } else if (name == "aten::copy_") {
      // Foreign memory, a mapped file's: what LibTorch owns can be resized.
      const bool is_foreign = tensors.size() == 2 && !tensors[1].storage().resizable();
      if (!is_foreign || !covers || !is_pending) return false;
    } else if (!is_arithmetic(name) || tensors.size() != 1 || !is_pending) {
      return false;
    }
    const bool overwrites =
        covers && (is_random(name) || is_one_of(name, {"aten::copy_", "aten::zero_", "aten::fill_"}));
    notes.note(std::move(fill), overwrites);
    torch::jit::drop(stack, count);
    stack.emplace_back(self);
    return true;
  }

  static void run(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
    const c10::impl::ExcludeDispatchKeyGuard done(kPostpones);
    const auto below = keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, kPostpones);
    if (postponing == nullptr) return op.redispatchBoxed(below, stack);
    auto& notes = *postponing->notes_;
    if (postpone(notes, op, *stack)) return;
    const auto count = op.schema().arguments().size();
    std::vector<const c10::StorageImpl*> read;
    for (const auto& tensor : tensors_in(*stack, count)) {
      if (notes.find(tensor) != nullptr) read.push_back(tensor.storage().unsafeGetStorageImpl());
    }
    if (read.empty() || is_blind(op.operator_name().name)) return op.redispatchBoxed(below, stack);
    if (may_alias(op.schema())) {
      auto views = *stack;
      op.redispatchBoxed(below, &views);
      const auto results = tensors_in(views, op.schema().returns().size());
      const bool are_views = std::all_of(results.begin(), results.end(), [&](const at::Tensor& result) {
        return notes.find(result) != nullptr;
      });
      if (are_views && !results.empty()) {
        *stack = std::move(views);
        return;
      }
    }
    for (const auto* memory : read) {
      if (notes.pending.contains(memory)) notes.fill(memory);
    }
    op.redispatchBoxed(below, stack);
  }
};

PostponedWeights::PostponedWeights() : notes_(std::make_unique<Notes>()), guard_(kPostpones) {
  // Not before the first use: it touches the table of each of LibTorch's operators.
  static torch::Library library(torch::Library::IMPL, "_", kPostpones, __FILE__, __LINE__);
  static const bool registered = [] {
    library.fallback(torch::CppFunction::makeFromBoxedFunction<&PostponedOperators::run>());
    return true;
  }();
  static_cast<void>(registered);
  postponing = this;
}

PostponedWeights::~PostponedWeights() {
  postponing = nullptr;
  const c10::impl::ExcludeDispatchKeyGuard done(kPostpones);
  notes_->fill_all();
}

}  // namespace arzoo::runtime
