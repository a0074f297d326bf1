#pragma once

#include <c10/core/StorageImpl.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/util/ArrayRef.h>

#include <functional>

namespace arzoo::runtime {

/// While one lives, `before` is called ahead of each of LibTorch's operators but `detach`, which reads
/// nothing, with the memory of the tensors that it gets, in this thread and in those that run a backward pass
/// which this thread has started. The operators that `before` itself calls are not watched. One at a time in
/// a process.
///
/// Code that reads a tensor through a raw pointer is not an operator, and goes unseen.
class OperatorWatch {
 public:
  using Before = std::function<void(c10::ArrayRef<c10::StorageImpl*> memory)>;

  explicit OperatorWatch(Before before);
  ~OperatorWatch();
  OperatorWatch(const OperatorWatch&) = delete;
  OperatorWatch& operator=(const OperatorWatch&) = delete;

 private:
  Before before_;
  c10::impl::IncludeDispatchKeyGuard guard_;
};

}  // namespace arzoo::runtime
