#include "nn/diffusion_head.h"

#include <torch/torch.h>

#include "nn/linear_start.h"
#include "runtime/recompute.h"

namespace arzoo::nn {
namespace {

constexpr double kNormEpsilon = 1e-6;

/// What is predicted, and what becomes its variance: undefined where the network does not say.
std::pair<at::Tensor, at::Tensor> parts_of(const at::Tensor& output, int64_t channels) {
  const int64_t others = output.size(1) - channels;
  return {output.narrow(1, 0, channels), others > 0 ? output.narrow(1, channels, others) : at::Tensor()};
}

/// Part `index` of width `width` along the last axis, as [1, N, width].
at::Tensor part_of(const at::Tensor& modulation, int64_t index, int64_t width) {
  return modulation.narrow(1, index * width, width).unsqueeze(0);
}

}  // namespace

DiffusionHeadBlock::DiffusionHeadBlock(int64_t width) {
  auto norm = register_module("in_ln", std::make_shared<torch::nn::Module>());
  norm_weight_ = norm->register_parameter("weight", at::ones({width}));
  norm_bias_ = norm->register_parameter("bias", at::zeros({width}));
  auto mlp = register_module("mlp", std::make_shared<torch::nn::Module>());
  first_ = mlp->register_module("0", std::make_shared<LinearLayer>(width, width));
  second_ = mlp->register_module("2", std::make_shared<LinearLayer>(width, width));
  map_ = register_module("adaLN_modulation", std::make_shared<AdaLnModulation>(width, 3));
}

at::Tensor DiffusionHeadBlock::forward(const at::Tensor& x, const at::Tensor& opened) const {
  const auto parts = map_->map().forward(opened).chunk(3, 1);
  const auto normed = at::layer_norm(x, {x.size(1)}, norm_weight_, norm_bias_, kNormEpsilon);
  return x + parts[2] * mlp(normed * (parts[1] + 1.0) + parts[0]);
}

at::Tensor DiffusionHeadBlock::mlp(const at::Tensor& normed) const {
  return second_->forward(first_->forward(normed, kernels::Activation::silu));
}

DiffusionHead::DiffusionHead(const DiffusionHeadOptions& options) : options_(options) {
  const int64_t width = options.width;
  time_embed_ = register_module("time_embed", std::make_shared<TimestepEmbedder>(width));
  cond_embed_ = register_module("cond_embed", std::make_shared<LinearLayer>(options.condition_width, width));
  input_proj_ = register_module("input_proj", std::make_shared<LinearLayer>(options.channels, width));
  torch::nn::ModuleList list;
  for (int64_t i = 0; i < options.depth; ++i) {
    blocks_.push_back(std::make_shared<DiffusionHeadBlock>(width));
    list->push_back(blocks_.back());
  }
  register_module("res_blocks", list);
  auto last = register_module("final_layer", std::make_shared<torch::nn::Module>());
  const int64_t outputs = options.outputs > 0 ? options.outputs : 2 * options.channels;
  linear_ = last->register_module("linear", std::make_shared<LinearLayer>(width, outputs));
  final_map_ = last->register_module("adaLN_modulation", std::make_shared<AdaLnModulation>(width, 2));
}

at::Tensor DiffusionHead::forward(const at::Tensor& x, const at::Tensor& t, const at::Tensor& z) const {
  const auto opened = at::silu(time_embed_->forward(t) + cond_embed_->forward(z));
  auto h = input_proj_->forward(x);
  for (const auto& block : blocks_) {
    const auto once = [block](const std::vector<at::Tensor>& inputs) {
      return std::vector{block->forward(inputs[0], inputs[1])};
    };
    h = runtime::recomputed({h, opened}, once)[0];
  }
  const auto parts = final_map_->map().forward(opened).chunk(2, 1);
  const auto normed = at::layer_norm(h, {h.size(1)}, {}, {}, kNormEpsilon);
  return linear_->forward(normed * (parts[1] + 1.0) + parts[0]);
}

DiffusionHead::Modulations DiffusionHead::modulations() const {
  if (packed_.weight.defined()) return packed_;
  const torch::NoGradGuard no_grad;
  std::vector<at::Tensor> weights, biases;
  for (const auto& block : blocks_) {
    // (LN w + b) (1 + scale) + shift = LN (1 + scale') + shift', linear in scale and shift.
    const auto &w = block->norm_weight(), &b = block->norm_bias(), &map = block->map().map().weight(),
               &offset = block->map().map().bias();
    const auto maps = map.to(at::kFloat).chunk(3), offsets = offset.to(at::kFloat).chunk(3);
    weights.insert(weights.end(), {maps[0] + maps[1] * b.unsqueeze(1), maps[1] * w.unsqueeze(1), maps[2]});
    biases.insert(biases.end(),
                  {offsets[0] + (offsets[1] + 1.0) * b, (offsets[1] + 1.0) * w - 1.0, offsets[2]});
  }
  weights.push_back(final_map_->map().weight().to(at::kFloat));
  biases.push_back(final_map_->map().bias().to(at::kFloat));
  const auto type = final_map_->map().type();
  return {at::cat(weights).to(type), at::cat(biases).to(type)};
}

at::Tensor DiffusionHead::estimate_at(const at::Tensor& x, const at::Tensor& t, const at::Tensor& z) const {
  const auto maps = modulations();
  const auto type = maps.weight.scalar_type();
  const auto opened = at::silu(time_embed_->forward(t) + cond_embed_->forward(z.to(type)));
  return estimate(x, kernels::linear(opened, maps.weight, maps.bias));
}

void DiffusionHead::pack() {
  if (packed_.weight.defined() || !kernels::can_pack(final_map_->map().weight())) return;
  auto all = modulations();
  packed_ = {kernels::packed_linear_weight(all.weight), all.bias};
  for (const auto& block : blocks_) kernels::release(block->map().map().weight());
  kernels::release(final_map_->map().weight());
}

at::Tensor DiffusionHead::estimate(const at::Tensor& x, const at::Tensor& modulation) const {
  const int64_t width = options_.width;
  const auto type = linear_->type();
  const auto norm_of = [&](int64_t shift) {
    return kernels::Modulation{part_of(modulation, shift + 1, width), part_of(modulation, shift, width)};
  };
  auto h = input_proj_->forward(x.to(type)).to(at::kFloat).unsqueeze(0);  // [1, N, W]
  auto normed = kernels::modulated_norm(h, norm_of(0), kNormEpsilon, type);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const auto first = 3 * static_cast<int64_t>(i);
    normed = kernels::gated_modulated_norm(h, blocks_[i]->mlp(normed), part_of(modulation, first + 2, width),
                                           norm_of(first + 3), kNormEpsilon, type);
  }
  return linear_->forward(normed).squeeze(0).to(at::kFloat);
}

template <class Number>
NoiseEstimate DiffusionHead::estimate_of(const at::Tensor& output, const at::Tensor& x_t,
                                         const StepNumbers<Number>& step) const {
  const auto [predicted, variance] = parts_of(output, options_.channels);
  return options_.prediction == Prediction::v ? DiffusionSchedule::of_velocity(predicted, variance, x_t, step)
                                              : NoiseEstimate{predicted, variance};
}

template NoiseEstimate DiffusionHead::estimate_of(const at::Tensor&, const at::Tensor&,
                                                  const StepNumbers<double>&) const;
template NoiseEstimate DiffusionHead::estimate_of(const at::Tensor&, const at::Tensor&,
                                                  const StepNumbers<at::Tensor>&) const;

void DiffusionHead::initialise() {
  const torch::NoGradGuard no_grad;
  for (const auto& part : modules(/*include_self=*/false)) {
    if (const auto* layer = dynamic_cast<const LinearLayer*>(part.get())) initialise_xavier(*layer);
  }
  for (const auto& weight : time_embed_->weights()) weight.normal_(0.0, 0.02);
  for (const auto& block : blocks_) {
    block->norm_weight().fill_(1.0);
    block->norm_bias().zero_();
    initialise_zeros(block->map().map());
  }
  initialise_zeros(final_map_->map());
  initialise_zeros(*linear_);
}

DiffusionLoss::DiffusionLoss(const DiffusionHeadOptions& options) {
  net_ = register_module("net", std::make_shared<DiffusionHead>(options));
}

DiffusionLoss::Rows DiffusionLoss::rows(const at::Tensor& target, const at::Tensor& z, const at::Tensor& t,
                                        const at::Tensor& noise) const {
  static const DiffusionSchedule schedule;
  Rows rows;
  rows.x_t = schedule.noised(target, t, noise);
  rows.model_output = net_->forward(rows.x_t, t, z).to(at::kFloat);
  const auto& options = net_->options();
  const auto [predicted, variance] = parts_of(rows.model_output, options.channels);
  rows.errors = options.prediction == Prediction::v
                    ? schedule.velocity_errors(predicted, variance, target, rows.x_t, t, noise)
                    : schedule.errors({predicted, variance}, target, rows.x_t, t, noise);
  return rows;
}

at::Tensor DiffusionLoss::sample(const at::Tensor& z, const DiffusionSchedule& schedule, const Denoising& how,
                                 const DiffusionRandomInputs& random_inputs) const {
  return sample_diffusion(*net_, z, schedule, how, random_inputs);
}

}  // namespace arzoo::nn
