#pragma once

#include <torch/nn/module.h>

#include <string>
#include <unordered_map>
#include <vector>

namespace arzoo::runtime {

/// A parameter with its name in the model.
struct NamedParameter {
  std::string name;
  at::Tensor tensor;
};

/// Parameters that are gathered, used and freed together when several processes keep parts of them.
struct ShardUnit {
  std::string name;  ///< of the block, "model.layers.3"; "" for what is in none
  std::vector<NamedParameter> parameters = {};
  int64_t owner = kShared;  ///< the process that keeps it whole

  static constexpr int64_t kShared = -1;  ///< each process keeps a part
};

/// The process that keeps a module's parameters whole, by module.
using UnitOwners = std::unordered_map<const torch::nn::Module*, int64_t>;

/// The parameters of a model by block: each child of a list of modules (children named 0, 1, …; the outermost
/// list counts) is a unit; children of fewer than `least` numbers share one with their neighbours. What is in
/// no list is the first unit, under the name "", which may have no parameters. Modules in `owners` are units
/// of their own, after the others.
std::vector<ShardUnit> shard_units(const torch::nn::Module& model, int64_t least = 4096,
                                   const UnitOwners& owners = {});

/// The unit in parts whose parameters have one type, and are all trained or all frozen.
std::vector<ShardUnit> of_one_kind(const ShardUnit& unit);

}  // namespace arzoo::runtime
