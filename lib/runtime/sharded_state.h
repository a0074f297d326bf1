#pragma once

#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

#include "runtime/expert_exchange.h"
#include "runtime/flat_unit.h"
#include "runtime/process_group.h"
#include "runtime/sharded_parameters.h"
#include "runtime/unit_order.h"

namespace arzoo::runtime {

/// What ShardedParameters keeps, and how its units come and go; only its own sources include this.
struct ShardedParameters::State {
  explicit State(ProcessGroup& of) : group(of), world(of.world()) {}

  /// Where a trained parameter lies; no unit for one without numbers.
  struct Place {
    FlatUnit* unit;
    std::size_t index;
    at::Tensor tensor;
  };
  /// Numbers of a unit's parameters, such as moments, that are joined for the first process.
  struct Joined {
    FlatUnit* unit;
    std::vector<std::pair<std::size_t, at::Tensor>> parts;  ///< of parameters, by their place in the unit
    at::Tensor whole;                                       ///< [length], whose memory comes and goes
  };

  ProcessGroup& group;
  int64_t world;
  std::vector<ExpertLayer*> expert_layers;  ///< that exchange their tokens
  std::deque<FlatUnit> units;               // whose places do not change
  std::unordered_map<const c10::StorageImpl*, FlatUnit*> by_memory;
  std::optional<UnitOrder> order;
  std::vector<Place> trained;  ///< in the parameters' order
  std::vector<at::Tensor> parts;
  std::deque<FlatUnit*> gathered;  ///< in a pass, the latest last
  FlatUnit* reducing = nullptr;
  bool holds = false;  ///< nothing is freed for now
  bool learns = true;  ///< the order of this pass is that of a step
  /// The order in which the last step gathered the units, which the next one is expected to repeat.
  std::vector<FlatUnit*> before, present;

  // Of the first process's lone work.
  std::deque<Joined> joined;
  std::size_t joined_lists = 0;
  std::deque<int64_t> served;  ///< numbers of the units and joined numbers in memory, the latest last

  template <class Work>
  auto guarded(const Work& work) {
    try {
      return work();
    } catch (const std::exception&) {
      group.rethrow();
    }
  }

  int64_t number_of(const FlatUnit& unit) const;
  void start_gathering(FlatUnit& unit);
  void finish_gathering(FlatUnit& unit);
  void gather(FlatUnit& unit);
  /// The first process's weights, in all of them. In a gathered unit.
  void take_first(FlatUnit& unit);
  void release(FlatUnit& unit);

  /// An operator is about to read this memory.
  void use(c10::ArrayRef<c10::StorageImpl*> memory);
  void use(FlatUnit& unit);
  /// What the last step gathered after what this one has so far.
  FlatUnit* expected() const;

  void note_gradient(FlatUnit& unit, FlatUnit::Parameter& parameter);
  /// Sends the gradients that are there off, and frees them.
  void start_reducing(FlatUnit& unit);
  void finish_reducing();

  /// The first process's side of its lone work, and the others'.
  void lead(const std::function<void()>& work, LoneWork kind);
  void follow();
  void serve(int64_t number);
  void use_alone(c10::ArrayRef<c10::StorageImpl*> memory, LoneWork kind);
  void end_serving(int64_t number, LoneWork kind);
  void give(FlatUnit& unit);
  std::optional<int64_t> served_number(const c10::StorageImpl* memory) const;
};

}  // namespace arzoo::runtime
