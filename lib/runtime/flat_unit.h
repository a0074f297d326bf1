#pragma once

#include <torch/csrc/autograd/function.h>

#include <memory>
#include <string>
#include <torch/csrc/distributed/c10d/Work.hpp>
#include <vector>

#include "runtime/shard_units.h"

namespace arzoo::runtime {

/// Memory for a tensor that has none, and the reverse: its views follow.
void allocate_memory(const at::Tensor& tensor);
void free_memory(const at::Tensor& tensor);

/// Parameters that lie one behind the other in one piece of memory, which is there only while it is needed.
/// Of the flat whole, cut into as many equal parts as there are processes, this process keeps one; or one
/// process keeps it whole, always in memory, and the others nothing.
class FlatUnit {
 public:
  /// Takes over the parameters, of one type and all trained or all frozen. type: of the gathered whole; kept:
  /// of this process's part.
  FlatUnit(const ShardUnit& unit, int64_t parts, int64_t index, at::ScalarType type, at::ScalarType kept);

  struct Parameter {
    std::string name;
    at::Tensor tensor;
    int64_t first = 0;     ///< in the flat whole
    bool arrived = false;  ///< its gradient, in this backward pass
    bool used = false;     ///< some backward pass of this step has reached it
    std::shared_ptr<torch::autograd::Node> accumulator = {};
    int64_t version = 0;
  };

  /// Memory for the whole, and none any more.
  void allocate();
  void release();
  bool is_allocated() const;
  bool is_owned() const { return owner != ShardUnit::kShared; }
  /// This process keeps it whole.
  bool is_own() const { return owner == index; }
  /// The own part of a flat whole.
  at::Tensor own_part(const at::Tensor& flat) const { return flat.narrow(0, own_first, part_length); }
  /// After the own part has changed: of a unit that is kept whole.
  void refresh();
  c10::StorageImpl* storage() const { return whole.storage().unsafeGetStorageImpl(); }

  /// The own part of what stands at a parameter's place in a flat whole; part: [length / parts].
  at::Tensor part_of(const Parameter& parameter, const at::Tensor& part) const;
  /// The same of a tensor of the parameter's shape.
  at::Tensor part_of_tensor(const Parameter& parameter, const at::Tensor& tensor) const;
  /// A parameter's place in a flat whole, in its shape.
  static at::Tensor view_in(const Parameter& parameter, const at::Tensor& whole);

  std::string name;
  std::vector<Parameter> parameters;
  bool trained = false, always_gathered = false;
  int64_t owner = ShardUnit::kShared, index = 0;
  int64_t length = 0, own_first = 0, part_length = 0;
  at::Tensor whole;     ///< [length], whose memory comes and goes
  at::Tensor own;       ///< [part_length]
  at::Tensor gradient;  ///< [part_length], undefined before the first of a step
  // What is on its way: the gathered whole, or the sum of the gradients.
  c10::intrusive_ptr<c10d::Work> arriving = {}, reducing = {};
  at::Tensor sent, summed;

 private:
  /// First and count of the own numbers among those of the parameter.
  std::pair<int64_t, int64_t> own_range(const Parameter& parameter) const;
};

}  // namespace arzoo::runtime
