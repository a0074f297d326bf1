#pragma once

#include <c10/core/impl/LocalDispatchKeySet.h>

#include <memory>

namespace arzoo::runtime {

/// While one lives, this thread's large tensors that are filled at random get their numbers only when
/// something reads them: what would fill them is noted, with the state of the random number generator, which
/// goes on as if it had been done. A model's weights can so be made, shared out over processes or cast one
/// after the other, and are the same to the bit, without ever being in memory as a whole. The same goes for
/// weights that are copied from memory which LibTorch does not own, a mapped file's: it must not change
/// meanwhile.
///
/// Tensors of less than a megabyte are filled at once. What is still postponed when it ends is done then. One
/// at a time in a thread; code that reads a tensor through a raw pointer must not see one that is postponed.
class PostponedWeights {
 public:
  PostponedWeights();
  ~PostponedWeights();
  PostponedWeights(const PostponedWeights&) = delete;
  PostponedWeights& operator=(const PostponedWeights&) = delete;

 private:
  struct Notes;
  friend struct PostponedOperators;
  std::unique_ptr<Notes> notes_;
  c10::impl::IncludeDispatchKeyGuard guard_;
};

}  // namespace arzoo::runtime
