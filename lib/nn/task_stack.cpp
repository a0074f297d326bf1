#include "nn/task_stack.h"

#include <torch/torch.h>

#include "kernels/dropout.h"
#include "nn/embedding_table.h"

namespace arzoo::nn {
namespace {

constexpr int64_t kParts = 4;  // scale and gate of two branches
constexpr double kEmbeddingStart = 1.0;

/// norm(x) (1 + scale) as a modulation: (LN w + b) (1 + s) = LN (1 + s') + t.
kernels::Modulation scaled(const VitNorm& norm, const at::Tensor& scale) {
  const auto [weight, bias, ignored] = norm.affine();
  return {weight * (scale + 1.0) - 1.0, bias * (scale + 1.0)};
}

}  // namespace

TaskBlock::TaskBlock(const VitOptions& options, int64_t tasks)
    : VitBlock(options), dropout_(options.proj_dropout) {
  const std::vector<int64_t> sizes{tasks, 1, 1, kParts * options.width};
  adaLN_scale_ = register_parameter("adaLN_scale", at::empty(sizes));
  adaLN_shift_ = register_parameter("adaLN_shift", at::empty(sizes));
}

TaskModulation TaskBlock::modulation(const at::Tensor& ada, int64_t task) const {
  const auto parts = (ada * adaLN_scale_[task] + adaLN_shift_[task]).chunk(kParts, -1);
  return {parts[0], parts[1], parts[2], parts[3]};
}

at::Tensor TaskBlock::forward(const at::Tensor& x, const TaskModulation& m) const {
  const auto added = [&](const at::Tensor& to, const at::Tensor& branch) {
    return kernels::residual_dropout(to, branch, dropout_, is_training());
  };
  const auto middle = added(x, m.gate_attention * attention(norm1().forward(x) * (m.scale_attention + 1.0)));
  return added(middle, m.gate_mlp * mlp(norm2().forward(middle) * (m.scale_mlp + 1.0)));
}

void TaskBlock::initialise() {
  const torch::NoGradGuard no_grad;
  adaLN_scale_.zero_();
  const auto parts = adaLN_shift_.chunk(kParts, -1);
  for (const int64_t scale : {0, 2}) parts[scale].zero_();
  for (const int64_t gate : {1, 3}) parts[gate].fill_(1.0);
}

TaskStack::TaskStack(int64_t depth, const VitOptions& options, int64_t tasks)
    : norm_(std::make_shared<VitNorm>(options.width, options.norm_eps)),
      map_(std::make_shared<AdaLnModulation>(options.width, kParts)),
      tasks_(tasks) {
  for (int64_t i = 0; i < depth; ++i) blocks_.push_back(std::make_shared<TaskBlock>(options, tasks));
}

void TaskStack::register_in(torch::nn::Module& owner, const TaskStackNames& names) {
  torch::nn::ModuleList list;
  for (const auto& block : blocks_) list->push_back(block);
  owner.register_module(names.blocks, list);
  embedding_ = register_table(owner, names.embedding, tasks_, norm_->affine().weight.size(0));
  owner.register_module(names.ada, map_);
  owner.register_module(names.norm, norm_);
}

at::Tensor TaskStack::ada(int64_t task) const {
  return map_->forward(embedding_.narrow(0, task, 1)).flatten(1).unsqueeze(1);
}

at::Tensor TaskStack::forward(at::Tensor x, int64_t task, at::ScalarType type,
                              const at::Tensor& wanted) const {
  if (!at::GradMode::is_enabled()) {
    return prepared_.empty() ? infer(std::move(x), folded(task), type, wanted)
                             : infer(std::move(x), prepared_[static_cast<std::size_t>(task)], type, wanted);
  }
  const auto shared = ada(task);
  for (const auto& block : blocks_) x = block->forward(x, block->modulation(shared, task));
  const auto normed = norm_->forward(x);
  return wanted.defined() ? tokens_at(normed, wanted) : normed;
}

std::vector<TaskStack::Folded> TaskStack::folded(int64_t task) const {
  const auto shared = ada(task);
  std::vector<Folded> all;
  for (const auto& block : blocks_) {
    const auto m = block->modulation(shared, task);
    all.push_back({scaled(block->norm1(), m.scale_attention), scaled(block->norm2(), m.scale_mlp),
                   m.gate_attention.contiguous(), m.gate_mlp.contiguous()});
  }
  return all;
}

at::Tensor TaskStack::infer(at::Tensor x, const std::vector<Folded>& folded, at::ScalarType type,
                            const at::Tensor& wanted) const {
  x = x.contiguous();
  const auto last = norm_->modulation();
  auto normed = kernels::modulated_norm(x, blocks_.empty() ? last : folded.front().before_attention,
                                        norm_->eps(), blocks_.empty() ? at::kFloat : type);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const auto& block = *blocks_[i];
    const auto& task = folded[i];
    const bool ends = i + 1 == blocks_.size();
    const bool some = ends && wanted.defined();
    const auto attended = block.attention(normed, some ? wanted : at::Tensor());
    if (some) x = tokens_at(x, wanted);
    normed = kernels::gated_modulated_norm(x, attended, task.gate_attention, task.before_mlp,
                                           block.norm2().eps(), type);
    normed = kernels::gated_modulated_norm(x, block.mlp(normed), task.gate_mlp,
                                           ends ? last : folded[i + 1].before_attention, norm_->eps(),
                                           ends ? at::kFloat : type);
  }
  return wanted.defined() && blocks_.empty() ? tokens_at(normed, wanted) : normed;
}

void TaskStack::set_type(at::ScalarType type) const {
  for (const auto& block : blocks_) set_linear_type(*block, type);
}

void TaskStack::prepare() {
  const torch::NoGradGuard no_grad;
  prepared_.clear();
  for (int64_t task = 0; task < tasks_; ++task) prepared_.push_back(folded(task));
}

void TaskStack::initialise() {
  const torch::NoGradGuard no_grad;
  embedding_.normal_(0.0, kEmbeddingStart);  // torch.nn.Embedding's
  for (const auto& block : blocks_) block->initialise();
}

}  // namespace arzoo::nn
