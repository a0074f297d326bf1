#include "runtime/sharded_state.h"

#include <torch/torch.h>

#include <algorithm>
#include <stdexcept>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

namespace arzoo::runtime {
namespace {

/// Gathered units that stay until another is needed: an operator's, and the one before it.
constexpr std::size_t kMostGathered = 2;

}  // namespace

int64_t ShardedParameters::State::number_of(const FlatUnit& unit) const {
  const auto is_it = [&](const FlatUnit& other) { return &other == &unit; };
  return std::find_if(units.begin(), units.end(), is_it) - units.begin();
}

void ShardedParameters::State::start_gathering(FlatUnit& unit) {
  if (unit.is_allocated()) return;
  order->agree(UnitOrder::Use::gathers, number_of(unit));
  unit.allocate();
  unit.sent = unit.own.to(unit.whole.scalar_type());
  guarded([&] { unit.arriving = group.native()->_allgather_base(unit.whole, unit.sent); });
}

void ShardedParameters::State::finish_gathering(FlatUnit& unit) {
  if (!unit.arriving) return;
  guarded([&] { unit.arriving->wait(); });
  unit.arriving = {};
  unit.sent = at::Tensor();
}

void ShardedParameters::State::gather(FlatUnit& unit) {
  if (unit.is_owned()) {
    order->agree(UnitOrder::Use::gathers, number_of(unit));
    unit.allocate();
    unit.refresh();
    group.broadcast(unit.whole, unit.owner);
    return;
  }
  start_gathering(unit);
  finish_gathering(unit);
}

void ShardedParameters::State::take_first(FlatUnit& unit) {
  group.broadcast(unit.whole);
  if (!unit.whole.is_same(unit.own)) unit.own.copy_(unit.own_part(unit.whole));
}

void ShardedParameters::State::release(FlatUnit& unit) {
  finish_gathering(unit);  // the others wait for this one's part
  unit.release();
}

FlatUnit* ShardedParameters::State::expected() const {
  const auto place = present.size();
  if (place == 0 || place >= before.size() || before[place - 1] != present.back()) return nullptr;
  return before[place];
}

void ShardedParameters::State::use(c10::ArrayRef<c10::StorageImpl*> memory) {
  const torch::NoGradGuard no_grad;
  for (const auto* storage : memory) {
    const auto found = by_memory.find(storage);
    if (found != by_memory.end()) use(*found->second);
  }
  if (holds) return;
  // An operator may need the parameters of more than kMostGathered units.
  const auto is_needed = [&](const FlatUnit* unit) {
    return std::find(memory.begin(), memory.end(), unit->storage()) != memory.end();
  };
  while (gathered.size() > kMostGathered && !is_needed(gathered.front())) {
    release(*gathered.front());
    gathered.pop_front();
  }
}

void ShardedParameters::State::use(FlatUnit& unit) {
  if (unit.is_allocated() && !unit.arriving) return;
  if (unit.is_owned()) throw std::logic_error(unit.name + " is computed with, but another process has it");
  gather(unit);
  if (!unit.always_gathered) gathered.push_back(&unit);
  if (!learns) return;
  present.push_back(&unit);
  if (auto* next = expected(); next != nullptr) start_gathering(*next);
}

void ShardedParameters::State::note_gradient(FlatUnit& unit, FlatUnit::Parameter& parameter) {
  parameter.arrived = parameter.used = true;
  if (std::all_of(unit.parameters.begin(), unit.parameters.end(),
                  [](const auto& other) { return other.arrived; }))
    start_reducing(unit);
}

void ShardedParameters::State::start_reducing(FlatUnit& unit) {
  const torch::NoGradGuard no_grad;
  const c10::impl::ExcludeDispatchKeyGuard unwatched(c10::DispatchKey::Fake);
  finish_reducing();
  if (unit.is_owned() && !unit.is_own()) return;
  unit.sent = at::zeros({unit.length}, unit.whole.options());
  for (auto& parameter : unit.parameters) {
    parameter.arrived = false;
    auto& gradient = parameter.tensor.mutable_grad();
    if (!gradient.defined()) continue;
    FlatUnit::view_in(parameter, unit.sent).copy_(gradient);
    gradient = at::Tensor();
  }
  reducing = &unit;
  if (unit.is_own()) {  // the exchange of tokens has brought all processes' gradients here
    unit.summed = unit.sent;
    return;
  }
  order->agree(UnitOrder::Use::reduces, number_of(unit));
  unit.summed = at::empty({unit.part_length}, unit.whole.options());
  guarded([&] { unit.reducing = group.native()->_reduce_scatter_base(unit.summed, unit.sent); });
}

void ShardedParameters::State::finish_reducing() {
  if (reducing == nullptr) return;
  auto& unit = *std::exchange(reducing, nullptr);
  if (unit.reducing) guarded([&] { unit.reducing->wait(); });
  unit.reducing = {};
  unit.sent = at::Tensor();
  const auto mean = unit.summed.to(unit.own.scalar_type()).div_(static_cast<double>(world));
  unit.summed = at::Tensor();
  unit.gradient = unit.gradient.defined() ? unit.gradient.add_(mean) : mean;
}

}  // namespace arzoo::runtime
