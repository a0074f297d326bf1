#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/intrusive_ptr.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/ranks.h"
#include "runtime/losses.h"

namespace c10d {
class ProcessGroup;
}

namespace arzoo::runtime {

/// Several processes that work together, over LibTorch's c10d: a TCPStore where they meet, Gloo between CPUs,
/// NCCL between GPUs. All of them must make the same calls in the same order.
///
/// Each process watches another one in the background. When one is gone (killed, its machine lost), or leaves
/// with a reason, the others' present call throws an Error that names it, SystemFailure or the reason's; a
/// process that stays blocked all the same is ended, with the same words.
class ProcessGroup {
 public:
  /// Meets the others at ranks.address:port. `hint`: what the user can do when one of them is lost.
  ///
  /// Throws SystemFailure, within ranks.timeout: the port is in use, nobody answers there, or a rank that did
  /// not come.
  static std::shared_ptr<ProcessGroup> join(const Ranks& ranks, const at::Device& device,
                                            const std::string& hint);
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  int64_t rank() const;
  int64_t world() const;
  bool is_first() const { return rank() == 0; }

  /// Each element's sum over the processes, in place; the tensor's shape is the same everywhere.
  void sum(at::Tensor tensor);
  /// Each number's sum over the processes.
  std::vector<double> sum(const std::vector<double>& values);
  /// The values of one process for all, in place.
  void broadcast(at::Tensor tensor, int64_t from = 0);
  /// The same of many tensors, in few messages.
  void broadcast_together(const std::vector<at::Tensor>& tensors, int64_t from = 0);
  /// The same of a text.
  std::string broadcast(const std::string& text);
  /// All processes' rows [n, …] one after the other, in the order of the ranks; n may differ.
  at::Tensor concatenated(const at::Tensor& rows);
  /// Rows [n, …] for the rows that the others send here: to each process go as many as `sent` says, in the
  /// order of the ranks, and from each come as many as `received` says.
  at::Tensor exchanged(const at::Tensor& rows, std::vector<int64_t> sent, std::vector<int64_t> received);
  /// What each process says of `topic`, by rank. A topic is used once.
  std::vector<std::string> exchange(const std::string& topic, const std::string& own);

  /// The last call of all: nobody is watched any more, and a process may end without the others'.
  void finish();
  /// Tells the others that this process ends, and why.
  void leave(const Error& reason) noexcept;
  /// A failure in work of the group's: throws what is found to have happened to another process, else
  /// rethrows the exception that is being handled.
  [[noreturn]] void rethrow();

  /// The group as LibTorch's own algorithms take it.
  const c10::intrusive_ptr<c10d::ProcessGroup>& native() const;

 private:
  struct State;
  explicit ProcessGroup(std::unique_ptr<State> state);
  template <class Work>
  auto guarded(const Work& work);

  std::unique_ptr<State> state_;
};

/// Each number becomes its sum over the processes; whole numbers up to 2^53.
template <class... Number>
void sum_over(ProcessGroup& group, Number&... numbers) {
  const auto sums = group.sum({static_cast<double>(numbers)...});
  std::size_t i = 0;
  ((numbers = static_cast<Number>(sums[i++])), ...);
}

/// Of a part of a batch that has so many samples; empty without a group.
JointSum joint_sum(const std::shared_ptr<ProcessGroup>& group, double samples);

}  // namespace arzoo::runtime
