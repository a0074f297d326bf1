#include "runtime/sharded_parameters.h"

#include <malloc.h>
#include <torch/torch.h>

#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <algorithm>
#include <unordered_map>

#include "runtime/sharded_state.h"

namespace arzoo::runtime {
namespace {

/// Blocks of fewer numbers travel with their neighbours.
constexpr int64_t kLeastUnit = 4096;
/// Units of so many numbers are made one at a time, with nothing of the last one in memory.
constexpr int64_t kLargeUnit = 1 << 20;

/// Gives memory that the model had before back to the system.
void return_freed_memory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

}  // namespace

ShardedParameters::ShardedParameters(torch::nn::Module& model, ProcessGroup& group,
                                     const ShardPrecision& precision, bool expert_parallel)
    : state_(std::make_unique<State>(group)) {
  auto& own = *state_;
  UnitOwners owners;
  if (expert_parallel) {
    own.expert_layers = expert_layers(model);
    owners = expert_owners(own.expert_layers, own.world);
    for (auto* layer : own.expert_layers) layer->share_experts(&group);
  }
  std::unordered_map<const c10::TensorImpl*, State::Place> places;
  for (const auto& block : shard_units(model, kLeastUnit, owners)) {
    for (const auto& uniform : of_one_kind(block)) {
      const auto before = uniform.parameters.front().tensor.scalar_type();
      const bool trained = uniform.parameters.front().tensor.requires_grad();
      const auto type = trained && before == at::kFloat ? precision.type : before;
      const auto kept = precision.masters ? before : type;
      auto& unit = own.units.emplace_back(uniform, own.world, group.rank(), type, kept);
      unit.always_gathered = block.name.empty();
      if (unit.length >= kLargeUnit) return_freed_memory();
      own.by_memory[unit.storage()] = &unit;
      for (std::size_t i = 0; i < unit.parameters.size(); ++i) {
        auto& parameter = unit.parameters[i];
        places[parameter.tensor.unsafeGetTensorImpl()] = {&unit, i, parameter.tensor};
        if (!unit.trained) continue;
        parameter.accumulator = torch::autograd::impl::grad_accumulator(parameter.tensor);
        parameter.accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(
            [state = state_.get(), &unit, i](const auto& outputs, const auto&) {
              state->note_gradient(unit, unit.parameters[i]);
              return outputs;
            }));
      }
    }
  }
  for (const auto& parameter : model.named_parameters()) {
    const auto& tensor = parameter.value();
    if (!tensor.requires_grad()) continue;
    const auto found = places.find(tensor.unsafeGetTensorImpl());
    const auto place = found == places.end() ? State::Place{nullptr, 0, tensor} : found->second;
    own.trained.push_back(place);
    own.parts.push_back(place.unit == nullptr
                            ? tensor.detach()
                            : place.unit->part_of(place.unit->parameters[place.index], place.unit->own));
  }
  std::vector<std::string> names;
  for (const auto& unit : own.units) names.push_back(unit.name);
  own.order.emplace(group, std::move(names));
  return_freed_memory();
}

ShardedParameters::~ShardedParameters() {
  for (auto* layer : state_->expert_layers) layer->share_experts(nullptr);
}

const std::vector<at::Tensor>& ShardedParameters::parts() const { return state_->parts; }

bool ShardedParameters::has_masters() const {
  return std::any_of(state_->units.begin(), state_->units.end(),
                     [](const FlatUnit& unit) { return unit.own.scalar_type() != unit.whole.scalar_type(); });
}

void ShardedParameters::follow_first(const std::function<void()>& change) {
  for (auto& unit : state_->units) {
    for (auto& parameter : unit.parameters) parameter.version = parameter.tensor._version();
  }
  state_->holds = true;
  change();
  state_->holds = false;
  const torch::NoGradGuard no_grad;
  const c10::impl::ExcludeDispatchKeyGuard unwatched(c10::DispatchKey::Fake);
  for (auto& unit : state_->units) {
    if (unit.is_owned() ||
        std::none_of(unit.parameters.begin(), unit.parameters.end(),
                     [](const auto& parameter) { return parameter.version != parameter.tensor._version(); }))
      continue;
    state_->gather(unit);
    state_->take_first(unit);
  }
}

std::unique_ptr<OperatorWatch> ShardedParameters::watch() {
  const torch::NoGradGuard no_grad;
  for (auto& unit : state_->units) unit.refresh();  // the parts may have changed since the last step
  return std::make_unique<OperatorWatch>(
      [state = state_.get()](c10::ArrayRef<c10::StorageImpl*> memory) { state->use(memory); });
}

ShardedParameters::Pass::Pass(ShardedParameters& own) : sharded_(own), watch_(own.watch()) {
  own.state_->learns = false;
}

ShardedParameters::Pass::~Pass() {
  auto& own = *sharded_.state_;
  watch_.reset();
  for (auto& unit : own.units) unit.release();
  own.gathered.clear();
  own.learns = true;
}

void ShardedParameters::finish_backward() {
  auto& own = *state_;
  const torch::NoGradGuard no_grad;
  const c10::impl::ExcludeDispatchKeyGuard unwatched(c10::DispatchKey::Fake);
  own.finish_reducing();
  own.order->agree(UnitOrder::Use::ends, 0);
  // Which parameters a pass reaches may differ from process to process.
  std::vector<double> left;
  for (const auto& unit : own.units) {
    left.push_back(std::any_of(unit.parameters.begin(), unit.parameters.end(),
                               [](const auto& parameter) { return parameter.tensor.grad().defined(); })
                       ? 1.0
                       : 0.0);
  }
  left = own.group.sum(left);
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i] > 0.0) own.start_reducing(own.units[i]);
  }
  own.finish_reducing();
  for (auto& unit : own.units) {
    for (auto& parameter : unit.parameters) parameter.arrived = false;
    own.release(unit);
  }
  own.gathered.clear();
  own.before = std::exchange(own.present, {});
}

void ShardedParameters::finish_step() {
  auto& own = *state_;
  std::vector<double> uses;
  for (const auto& [unit, index, tensor] : own.trained)
    uses.push_back(unit != nullptr && unit->parameters[index].used ? 1.0 : 0.0);
  uses = own.group.sum(uses);
  for (std::size_t i = 0; i < uses.size(); ++i) {
    auto& [unit, index, tensor] = own.trained[i];
    if (unit == nullptr) continue;
    auto& parameter = unit->parameters[index];
    parameter.used = false;
    if (!unit->gradient.defined() && uses[i] > 0.0)  // its owner has it
      unit->gradient = at::zeros({unit->part_length}, unit->own.options());
    own.parts[i].mutable_grad() = uses[i] > 0.0 ? unit->part_of(parameter, unit->gradient) : at::Tensor();
  }
}

void ShardedParameters::end_step() {
  for (auto& part : state_->parts) part.mutable_grad() = at::Tensor();
  for (auto& unit : state_->units) unit.gradient = at::Tensor();
}

double ShardedParameters::sum(double own) const { return state_->group.sum({own}).front(); }

int64_t ShardedParameters::kept_bytes() const {
  int64_t bytes = 0;
  for (const auto& unit : state_->units) bytes += unit.own.nbytes() * (unit.trained ? 2 : 1);
  return bytes;
}

int64_t ShardedParameters::gathered_bytes() const {
  int64_t always = 0, largest = 0;
  for (const auto& unit : state_->units) {
    const auto bytes = unit.length * static_cast<int64_t>(unit.whole.element_size());
    if (unit.always_gathered)
      always += bytes;
    else
      largest = std::max(largest, bytes);
  }
  constexpr int64_t kGathered = 2;  // sharded_state.cpp
  return always + kGathered * largest;
}

int64_t ShardedParameters::units() const { return static_cast<int64_t>(state_->units.size()); }

}  // namespace arzoo::runtime
