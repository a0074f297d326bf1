#include "runtime/unit_order.h"

#include <torch/torch.h>

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include "core/error.h"
#include "runtime/process_group.h"

namespace arzoo::runtime {
namespace {

constexpr int64_t kUses = 3;

}  // namespace

UnitOrder::UnitOrder(ProcessGroup& group, std::vector<std::string> units)
    : group_(group), units_(std::move(units)) {}

std::string UnitOrder::told(int64_t code) const {
  const auto use = static_cast<Use>(code % kUses);
  if (use == Use::ends) return "has ended its pass";
  const auto unit = static_cast<std::size_t>(code / kUses);
  const auto& name = unit < units_.size() ? units_[unit] : std::string();
  return fmt::format("{} {}", use == Use::gathers ? "gathers" : "adds up the gradients of",
                     name.empty() ? "what is in no list of blocks" : name);
}

void UnitOrder::agree(Use use, int64_t unit) const {
  if (group_.world() == 1) return;
  const int64_t own = unit * kUses + static_cast<int64_t>(use);
  // On the CPU whatever the device: an answer is needed before anything else is sent.
  auto sent = at::full({1}, own, at::kLong), all = at::empty({group_.world()}, at::kLong);
  try {
    group_.native()->_allgather_base(all, sent)->wait();
  } catch (const std::exception&) {
    group_.rethrow();
  }
  const auto* codes = all.const_data_ptr<int64_t>();
  for (int64_t rank = 1; rank < group_.world(); ++rank) {
    if (codes[rank] == codes[0]) continue;
    fail<SystemFailure>(
        "rank {} {} while rank 0 {}: processes that share out a model's weights must use its blocks in one "
        "order (set training.shard to \"none\" or \"optimizer\")",
        rank, told(codes[rank]), told(codes[0]));
  }
}

}  // namespace arzoo::runtime
