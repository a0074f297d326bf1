// What the first process does alone with all weights: saving, loading, reports. It says which unit it needs,
// and the others take part in gathering it.

#include <torch/torch.h>

#include <algorithm>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include "runtime/sharded_state.h"

namespace arzoo::runtime {
namespace {

constexpr std::size_t kMostServed = 2;

/// What the first process tells the others.
enum class Call : int64_t { gather, give, end };

void tell(ProcessGroup& group, Call call, int64_t number = 0) {
  group.broadcast(at::tensor({static_cast<int64_t>(call), number}, at::kLong));
}

std::pair<Call, int64_t> heard(ProcessGroup& group) {
  const auto call = at::empty({2}, at::kLong);
  group.broadcast(call);
  const auto* data = call.const_data_ptr<int64_t>();
  return {static_cast<Call>(data[0]), data[1]};
}

/// With the experts in each process, whose weights come as those of other layers.
class WithoutExchange {
 public:
  WithoutExchange(const std::vector<ExpertLayer*>& layers, ProcessGroup& group)
      : layers_(layers), group_(group) {
    for (auto* layer : layers_) layer->share_experts(nullptr);
  }
  ~WithoutExchange() {
    for (auto* layer : layers_) layer->share_experts(&group_);
  }
  WithoutExchange(const WithoutExchange&) = delete;
  WithoutExchange& operator=(const WithoutExchange&) = delete;

 private:
  const std::vector<ExpertLayer*>& layers_;
  ProcessGroup& group_;
};

}  // namespace

void ShardedParameters::in_first(LoneWork kind, const std::function<void()>& work) {
  auto& own = *state_;
  const torch::NoGradGuard no_grad;
  for (auto& unit : own.units) unit.refresh();
  if (own.group.is_first())
    own.lead(work, kind);
  else
    own.follow();
  own.joined.clear();
  own.joined_lists = 0;
}

void ShardedParameters::State::lead(const std::function<void()>& work, LoneWork kind) {
  const WithoutExchange whole_layers(expert_layers, group);
  {
    const OperatorWatch watch([&](c10::ArrayRef<c10::StorageImpl*> memory) { use_alone(memory, kind); });
    work();
  }
  while (!served.empty()) {
    end_serving(served.front(), kind);
    served.pop_front();
  }
  tell(group, Call::end);
}

void ShardedParameters::State::follow() {
  for (;;) {
    const auto [call, number] = heard(group);
    if (call == Call::end) return;
    const auto unit = static_cast<std::size_t>(number);
    if (call == Call::give) {
      units.at(unit).allocate();
      give(units.at(unit));
      units.at(unit).release();
      continue;
    }
    serve(number);
    if (unit < units.size())
      units.at(unit).release();
    else
      free_memory(joined.at(unit - units.size()).whole);
  }
}

std::optional<int64_t> ShardedParameters::State::served_number(const c10::StorageImpl* memory) const {
  if (const auto found = by_memory.find(memory); found != by_memory.end()) return number_of(*found->second);
  const auto is_its = [&](const Joined& other) {
    return other.whole.storage().unsafeGetStorageImpl() == memory;
  };
  const auto found = std::find_if(joined.begin(), joined.end(), is_its);
  if (found == joined.end()) return std::nullopt;
  return static_cast<int64_t>(units.size()) + (found - joined.begin());
}

void ShardedParameters::State::use_alone(c10::ArrayRef<c10::StorageImpl*> memory, LoneWork kind) {
  const torch::NoGradGuard no_grad;
  std::vector<int64_t> needed;
  for (const auto* storage : memory) {
    const auto number = served_number(storage);
    if (!number) continue;
    needed.push_back(*number);
    const bool is_here =
        kind == LoneWork::reads_weights && by_memory.contains(storage) && by_memory.at(storage)->is_own();
    if (is_here || std::find(served.begin(), served.end(), *number) != served.end()) continue;
    tell(group, Call::gather, *number);
    serve(*number);
    served.push_back(*number);
  }
  // The joined numbers of a parameter are written one list after the other.
  while (served.size() > std::max(kMostServed, joined_lists) &&
         std::find(needed.begin(), needed.end(), served.front()) == needed.end()) {
    end_serving(served.front(), kind);
    served.pop_front();
  }
}

void ShardedParameters::State::serve(int64_t number) {
  const auto place = static_cast<std::size_t>(number);
  if (place < units.size()) return gather(units[place]);
  const auto& numbers = joined.at(place - units.size());
  const auto* unit = numbers.unit;
  const auto whole = numbers.whole;
  allocate_memory(whole);
  auto flat = unit->is_own() ? whole : at::zeros({unit->part_length}, whole.options());
  if (unit->is_own()) flat.zero_();
  for (const auto& [index, part] : numbers.parts) unit->part_of(unit->parameters[index], flat).copy_(part);
  if (unit->is_owned())
    group.broadcast(whole, unit->owner);
  else
    guarded([&] {
      auto to = whole;
      group.native()->_allgather_base(to, flat)->wait();
    });
}

void ShardedParameters::State::end_serving(int64_t number, LoneWork kind) {
  const auto place = static_cast<std::size_t>(number);
  if (place >= units.size()) return free_memory(joined.at(place - units.size()).whole);
  if (kind == LoneWork::changes_weights) {
    tell(group, Call::give, number);
    give(units[place]);
  }
  units[place].release();
}

void ShardedParameters::State::give(FlatUnit& unit) { take_first(unit); }

std::vector<at::Tensor> ShardedParameters::joined(const std::vector<at::Tensor>& parts) {
  auto& own = *state_;
  std::vector<at::Tensor> whole(parts.size());
  if (parts.empty() || !parts.front().defined()) return whole;
  ++own.joined_lists;
  const torch::NoGradGuard no_grad;
  std::unordered_map<const FlatUnit*, State::Joined*> of_units;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& [unit, index, tensor] = own.trained[i];
    if (unit == nullptr) {
      whole[i] = parts[i];
      continue;
    }
    auto& joined = of_units[unit];
    if (joined == nullptr) {
      joined = &own.joined.emplace_back(
          State::Joined{unit, {}, at::empty({unit->length}, parts[i].options().requires_grad(false))});
    }
    joined->parts.emplace_back(index, parts[i]);
    whole[i] = FlatUnit::view_in(unit->parameters[index], joined->whole);
  }
  for (const auto& [unit, joined] : of_units) free_memory(joined->whole);  // views are made of memory
  return whole;
}

void ShardedParameters::cut(const std::vector<at::Tensor>& whole,
                            const std::vector<at::Tensor>& parts) const {
  auto& own = *state_;
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& [unit, index, tensor] = own.trained[i];
    if (unit == nullptr || !parts[i].defined()) continue;
    const auto sent = own.group.is_first() ? whole[i].to(parts[i].options()).contiguous()
                                           : at::empty(tensor.sizes(), parts[i].options());
    own.group.broadcast(sent);
    at::Tensor(parts[i]).copy_(unit->part_of_tensor(unit->parameters[index], sent));
  }
}

}  // namespace arzoo::runtime
