#include "runtime/shard_units.h"

#include <torch/torch.h>

#include <algorithm>
#include <list>
#include <unordered_set>

namespace arzoo::runtime {
namespace {

bool is_block_list(const torch::nn::Module& module) {
  const auto children = module.named_children();
  if (children.size() < 2 || !module.parameters(/*recurse=*/false).empty()) return false;
  for (std::size_t i = 0; i < children.size(); ++i) {
    if (children[i].key() != std::to_string(i)) return false;
  }
  return true;
}

class UnitCollector {
 public:
  explicit UnitCollector(int64_t least) : least_(least) { units_.emplace_back(); }

  /// A module that one process keeps whole.
  void add_owned(const torch::nn::Module& module, const std::string& name, int64_t owner) {
    ShardUnit unit{name, {}, owner};
    for (const auto& own : module.named_parameters()) add(unit, name + "." + own.key(), own.value());
    owned_.push_back(std::move(unit));
  }

  void visit(const torch::nn::Module& module, const std::string& prefix) {
    for (const auto& own : module.named_parameters(/*recurse=*/false))
      add(units_.front(), prefix + own.key(), own.value());
    const bool is_list = is_block_list(module);
    for (const auto& child : module.named_children()) {
      const auto name = prefix + child.key();
      if (is_list)
        add_block(*child.value(), name);
      else
        visit(*child.value(), name + ".");
    }
    small_ = nullptr;  // blocks of another list are not neighbours
  }

  std::vector<ShardUnit> units() && {
    std::erase_if(units_,
                  [](const ShardUnit& unit) { return unit.parameters.empty() && !unit.name.empty(); });
    units_.splice(units_.end(), owned_);
    return {std::make_move_iterator(units_.begin()), std::make_move_iterator(units_.end())};
  }

 private:
  void add_block(const torch::nn::Module& block, const std::string& name) {
    ShardUnit unit{name};
    int64_t numbers = 0;
    for (const auto& own : block.named_parameters()) {
      numbers += own.value().defined() ? own.value().numel() : 0;
      add(small_ != nullptr ? *small_ : unit, name + "." + own.key(), own.value());
    }
    if (small_ == nullptr) {
      units_.push_back(std::move(unit));
      small_ = &units_.back();
      size_ = 0;
    }
    size_ += numbers;
    if (size_ >= least_) small_ = nullptr;
  }

  void add(ShardUnit& unit, const std::string& name, const at::Tensor& parameter) {
    if (!parameter.defined() || parameter.numel() == 0) return;
    if (seen_.insert(parameter.unsafeGetTensorImpl()).second) unit.parameters.push_back({name, parameter});
  }

  int64_t least_, size_ = 0;
  std::list<ShardUnit> owned_;
  std::list<ShardUnit> units_;  // whose places do not change
  ShardUnit* small_ = nullptr;  ///< the last block's, where it is too small to be a unit alone
  std::unordered_set<const c10::TensorImpl*> seen_;
};

}  // namespace

std::vector<ShardUnit> shard_units(const torch::nn::Module& model, int64_t least, const UnitOwners& owners) {
  UnitCollector collector(least);
  for (const auto& module : model.named_modules("", /*include_self=*/false)) {
    const auto found = owners.find(module.value().get());
    if (found != owners.end()) collector.add_owned(*module.value(), module.key(), found->second);
  }
  collector.visit(model, "");
  return std::move(collector).units();
}

std::vector<ShardUnit> of_one_kind(const ShardUnit& unit) {
  std::vector<ShardUnit> units;
  for (const auto& parameter : unit.parameters) {
    const auto& tensor = parameter.tensor;
    const auto fits = [&](const ShardUnit& other) {
      const auto& first = other.parameters.front().tensor;
      return first.requires_grad() == tensor.requires_grad() && first.scalar_type() == tensor.scalar_type();
    };
    auto found = std::find_if(units.begin(), units.end(), fits);
    if (found == units.end()) found = units.insert(units.end(), ShardUnit{unit.name, {}, unit.owner});
    found->parameters.push_back(parameter);
  }
  return units;
}

}  // namespace arzoo::runtime
