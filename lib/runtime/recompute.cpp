#include "runtime/recompute.h"

#include <ATen/SequenceNumber.h>
#include <ATen/autocast_mode.h>
#include <torch/torch.h>

#include <torch/csrc/autograd/functions/accumulate_grad.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <algorithm>
#include <stdexcept>
#include <unordered_set>

#include "runtime/device.h"

namespace arzoo::runtime {
namespace {

using torch::autograd::Node;
using torch::autograd::variable_list;

thread_local bool recomputing = false;
thread_local int64_t recomputed_blocks = 0;  ///< that will be computed again, of all passes

/// What a computation depends on besides its inputs: random numbers and autocast.
class Surroundings {
 public:
  explicit Surroundings(at::Device device)
      : device_(device),
        types_(at::autocast::is_autocast_enabled(device.type())),
        cast_(at::autocast::get_autocast_dtype(device.type())),
        random_(random_state()) {
    if (device.is_cuda()) random_of_device_ = generator().get_state();
  }
  /// Makes them those of this thread; returns what was.
  Surroundings restore() const {
    Surroundings before(device_);
    at::autocast::set_autocast_enabled(device_.type(), types_);
    at::autocast::set_autocast_dtype(device_.type(), cast_);
    set_random_state(random_);
    if (device_.is_cuda()) generator().set_state(random_of_device_);
    return before;
  }

 private:
  at::Generator generator() const { return at::globalContext().defaultGenerator(device_); }

  at::Device device_;
  bool types_;
  at::ScalarType cast_;
  at::Tensor random_, random_of_device_;
};

/// Inputs that begin a graph of their own.
std::vector<at::Tensor> cut_off(const std::vector<at::Tensor>& inputs) {
  std::vector<at::Tensor> own;
  for (const auto& input : inputs)
    own.push_back(input.defined() ? input.detach().set_requires_grad(input.requires_grad()) : input);
  return own;
}

/// The leaves of the graph behind the outputs that are not in `inputs`: parameters.
std::vector<at::Tensor> parameters_behind(const std::vector<at::Tensor>& outputs,
                                          const std::vector<at::Tensor>& inputs, uint64_t begin) {
  std::unordered_set<const c10::TensorImpl*> own;
  for (const auto& input : inputs) own.insert(input.unsafeGetTensorImpl());
  std::vector<at::Tensor> parameters;
  std::vector<Node*> open;
  std::unordered_set<Node*> seen;
  const auto add = [&](Node* node) {
    if (node != nullptr && seen.insert(node).second) open.push_back(node);
  };
  for (const auto& output : outputs) add(output.grad_fn().get());
  while (!open.empty()) {
    auto* node = open.back();
    open.pop_back();
    if (const auto* leaf = dynamic_cast<torch::autograd::AccumulateGrad*>(node)) {
      if (!own.contains(leaf->variable.unsafeGetTensorImpl())) parameters.push_back(leaf->variable);
      continue;
    }
    if (node->sequence_nr() < begin)
      throw std::logic_error("a recomputed block uses a result of the present pass that is not its input");
    for (const auto& edge : node->next_edges()) add(edge.function.get());
  }
  return parameters;
}

/// The block in the graph of the pass.
class RecomputedBlock : public Node {
 public:
  RecomputedBlock(Block block, const std::vector<at::Tensor>& inputs, std::vector<at::Tensor> parameters,
                  Surroundings surroundings)
      : block_(std::move(block)), parameters_(std::move(parameters)), surroundings_(std::move(surroundings)) {
    for (const auto& input : inputs) inputs_.emplace_back(input, /*is_output=*/false);
  }

  variable_list apply(variable_list&& gradients) override {
    std::vector<at::Tensor> inputs;
    for (const auto& input : inputs_) inputs.push_back(input.unpack());
    inputs = cut_off(inputs);
    const auto before = surroundings_.restore();
    const torch::AutoGradMode with_grad(true);
    std::vector<at::Tensor> outputs;
    {
      const RecomputeScope once(false);
      outputs = block_(inputs);
    }
    before.restore();
    variable_list reached, arrived, wanted;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!gradients[i].defined() || !outputs[i].requires_grad()) continue;
      reached.push_back(outputs[i]);
      arrived.push_back(gradients[i]);
    }
    for (const auto& input : inputs) {
      if (input.defined() && input.requires_grad()) wanted.push_back(input);
    }
    wanted.insert(wanted.end(), parameters_.begin(), parameters_.end());
    if (reached.empty()) return variable_list(inputs.size() + parameters_.size());
    const auto found = torch::autograd::grad(reached, wanted, arrived, /*retain_graph=*/false,
                                             /*create_graph=*/false, /*allow_unused=*/true);
    variable_list all;
    std::size_t next = 0;
    for (const auto& input : inputs)
      all.push_back(input.defined() && input.requires_grad() ? found[next++] : at::Tensor());
    all.insert(all.end(), found.begin() + static_cast<std::ptrdiff_t>(next), found.end());
    return all;
  }

  void release_variables() override {
    inputs_.clear();
    block_ = nullptr;
  }

 private:
  Block block_;
  std::vector<torch::autograd::SavedVariable> inputs_;
  std::vector<at::Tensor> parameters_;
  Surroundings surroundings_;
};

at::Device device_of(const std::vector<at::Tensor>& inputs) {
  for (const auto& input : inputs) {
    if (input.defined()) return input.device();
  }
  return at::kCPU;
}

}  // namespace

RecomputeScope::RecomputeScope(bool on) : before_(recomputing), blocks_(recomputed_blocks) {
  recomputing = on;
}
RecomputeScope::~RecomputeScope() { recomputing = before_; }
bool RecomputeScope::was_used() const { return recomputed_blocks > blocks_; }

bool recomputes() { return recomputing && at::GradMode::is_enabled(); }

std::vector<at::Tensor> recomputed(const std::vector<at::Tensor>& inputs, const Block& block) {
  if (!recomputes()) return block(inputs);
  ++recomputed_blocks;
  Surroundings surroundings(device_of(inputs));
  const auto begin = at::sequence_number::peek();
  auto own = cut_off(inputs);
  std::vector<at::Tensor> outputs;
  {
    // With autograd, though the graph goes at once: it shows the parameters, and without it some kernels
    // compute in another way.
    const RecomputeScope once(false);
    outputs = block(own);
  }
  auto parameters = parameters_behind(outputs, own, begin);
  auto sources = inputs;
  sources.insert(sources.end(), parameters.begin(), parameters.end());
  const bool needed = std::any_of(sources.begin(), sources.end(), [](const at::Tensor& source) {
    return source.defined() && source.requires_grad();
  });
  std::vector<at::Tensor> results;
  for (const auto& output : outputs) results.push_back(output.detach());
  if (!needed) return results;
  const std::shared_ptr<Node> node(
      new RecomputedBlock(block, inputs, std::move(parameters), std::move(surroundings)),
      torch::autograd::deleteNode);
  node->set_next_edges(torch::autograd::collect_next_edges(sources));
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (torch::autograd::isDifferentiableType(results[i].scalar_type()))
      torch::autograd::set_history(results[i], node);
    else
      node->add_input_metadata(Node::undefined_input());
  }
  return results;
}

at::Tensor recomputed(const at::Tensor& x, const std::function<at::Tensor(const at::Tensor&)>& block) {
  if (!recomputes()) return block(x);
  return recomputed(std::vector<at::Tensor>{x},
                    [block](const std::vector<at::Tensor>& inputs) {
                      return std::vector<at::Tensor>{block(inputs.front())};
                    })
      .front();
}

}  // namespace arzoo::runtime
