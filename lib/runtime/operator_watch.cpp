#include "runtime/operator_watch.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include <atomic>

namespace arzoo::runtime {
namespace {

// LibTorch reserves this key, below autograd and above the kernels, for programs that watch operators, and
// brings nothing for it.
constexpr auto kWatched = c10::DispatchKey::Fake;

// The threads of a backward pass share the one that started it.
std::atomic<const OperatorWatch::Before*> present{nullptr};

using Memory = c10::SmallVector<c10::StorageImpl*, 8>;

void collect(const c10::IValue& value, Memory& memory) {
  if (value.isTensor()) {
    const auto& tensor = value.toTensor();
    if (tensor.defined() && tensor.has_storage()) memory.push_back(tensor.storage().unsafeGetStorageImpl());
  } else if (value.isList()) {
    for (const auto& item : value.toListRef()) {
      if (!item.isTensor() && !item.isNone()) return;  // numbers
      collect(item, memory);
    }
  }
}

void watched(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  const c10::impl::ExcludeDispatchKeyGuard unwatched(kWatched);
  static const auto detach = c10::Dispatcher::singleton().findSchemaOrThrow("aten::detach", "");
  if (const auto* before = present.load(); before != nullptr && !(op == detach)) {
    Memory memory;
    for (const auto& value : torch::jit::last(*stack, op.schema().arguments().size())) collect(value, memory);
    (*before)(memory);
  }
  op.redispatchBoxed(keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, kWatched), stack);
}

}  // namespace

OperatorWatch::OperatorWatch(Before before) : before_(std::move(before)), guard_(kWatched) {
  // Not before the first watch: it touches the table of each of LibTorch's operators.
  static torch::Library library(torch::Library::IMPL, "_", kWatched, __FILE__, __LINE__);
  static const bool registered = [] {
    library.fallback(torch::CppFunction::makeFromBoxedFunction<&watched>());
    return true;
  }();
  static_cast<void>(registered);
  present = &before_;
}

OperatorWatch::~OperatorWatch() { present = nullptr; }

}  // namespace arzoo::runtime
