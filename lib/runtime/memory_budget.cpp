#include "runtime/memory_budget.h"

#include <c10/core/CPUAllocator.h>
#include <unistd.h>

#include <fstream>

#include "core/bytes.h"
#include "runtime/weights_budget.h"

namespace arzoo::runtime {
namespace {

thread_local MemoryBudget* active = nullptr;

/// Asks the budget of the thread, if there is one, then the allocator that was there before.
class AskingAllocator final : public c10::Allocator {
 public:
  explicit AskingAllocator(c10::Allocator& base) : base_(base) {}
  c10::DataPtr allocate(std::size_t bytes) override {
    if (active != nullptr) active->charge(bytes);
    return base_.allocate(bytes);
  }
  c10::DeleterFnPtr raw_deleter() const override { return base_.raw_deleter(); }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    base_.copy_data(to, from, bytes);
  }

 private:
  c10::Allocator& base_;
};

/// Storages remember their allocator, so it lives as long as the process.
c10::Allocator* asking_allocator() {
  static auto* const allocator = new AskingAllocator(*c10::GetCPUAllocator());
  return allocator;
}

double gigabytes(uint64_t bytes) { return static_cast<double>(bytes) / 1e9; }

}  // namespace

uint64_t memory_limit() {
  const uint64_t machine =
      static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  uint64_t group = machine;  // "max" does not parse and leaves it
  for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    uint64_t limit = 0;
    if (std::ifstream(file) >> limit) group = std::min(group, limit);
  }
  return group;
}

MemoryBudget::MemoryBudget(const Config& model)
    : model_(model), before_(c10::GetCPUAllocator()), limit_(memory_limit() / 4 * 3) {
  c10::SetCPUAllocator(asking_allocator());
  active = this;
}

MemoryBudget::~MemoryBudget() {
  active = nullptr;
  c10::SetCPUAllocator(before_);
}

void MemoryBudget::charge(uint64_t bytes) {
  // A module takes some kilobytes beside its weights, which only a count of them bounds.
  constexpr uint64_t kMostTensors = 20'000;
  spent_ = checked_add(spent_, bytes).value_or(~uint64_t{0});
  if (const auto weights = WeightsBudget::limit(); weights && spent_ > *weights) {
    model_.reject(
        fmt::format("asks for more than {:.4g} GB of parameters, far more than its weights are (is this the "
                    "config of another model?)",
                    gigabytes(*weights)));
  }
  if (spent_ > limit_) {
    model_.reject(
        fmt::format("asks for at least {:.4g} GB of parameters, expected at most {:.4g} GB, three "
                    "quarters of this machine's memory (choose smaller sizes)",
                    gigabytes(spent_), gigabytes(limit_)));
  }
  if (++tensors_ > kMostTensors)
    model_.reject(fmt::format("asks for more than {} tensors (choose fewer layers)", kMostTensors));
}

void require_memory(const Config& model, uint64_t state_bytes) {
  const uint64_t limit = memory_limit();
  if (state_bytes <= limit) return;
  model.reject(
      fmt::format("training takes {:.4g} GB for weights, gradients and moments, expected at most the "
                  "{:.4g} GB of memory here (choose smaller sizes)",
                  gigabytes(state_bytes), gigabytes(limit)));
}

void reject_sizes(const Config& model, const c10::Error& error) {
  const std::string text = error.what_without_backtrace();
  model.reject(fmt::format("cannot be built (choose smaller sizes): {}", text.substr(0, text.find('\n'))));
}

}  // namespace arzoo::runtime
