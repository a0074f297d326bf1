#include "nn/diffusion_transformer.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/modulated_norm.h"
#include "nn/linear_start.h"

namespace arzoo::nn {
namespace {

constexpr double kDitEpsilon = 1e-6;

BlockOptions dit_block_options(const DiffusionTransformerOptions& options) {
  BlockOptions block;
  block.heads = options.heads;
  block.feed_forward = "gelu_tanh";
  block.norm_eps = kDitEpsilon;
  return block;
}

at::Tensor modulated(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale) {
  return at::layer_norm(x, {x.size(-1)}, {}, {}, kDitEpsilon) * (scale + 1.0) + shift;
}

}  // namespace

at::Tensor grid_position_table(int64_t side, int64_t width) {
  const int64_t quarter = width / 4;
  const auto of_axis = [&](const at::Tensor& places) {
    const auto frequencies =
        at::pow(10000.0, -at::arange(quarter, at::kDouble) / static_cast<double>(quarter));
    const auto angles = places.unsqueeze(1) * frequencies;
    return at::cat({angles.sin(), angles.cos()}, 1);
  };
  const auto places = at::arange(side, at::kDouble);
  const auto columns = places.repeat({side}), rows = places.repeat_interleave(side);
  return at::cat({of_axis(columns), of_axis(rows)}, 1).to(at::kFloat);
}

PointwiseConvolution::PointwiseConvolution(int64_t in, int64_t out) {
  auto proj = register_module("proj", std::make_shared<torch::nn::Module>());
  weight_ = proj->register_parameter("weight", at::empty({out, in, 1, 1}));
  bias_ = proj->register_parameter("bias", at::empty({out}));
}

at::Tensor PointwiseConvolution::forward(const at::Tensor& x) const {
  return kernels::linear(x.to(weight_.scalar_type()), weight_.flatten(1), bias_);
}

void PointwiseConvolution::initialise() {
  const torch::NoGradGuard no_grad;
  torch::nn::init::xavier_uniform_(weight_.flatten(1));
  bias_.zero_();
}

DiffusionTransformerBlock::DiffusionTransformerBlock(const DiffusionTransformerOptions& options)
    : block_(dit_block_options(options)) {
  const int64_t width = options.width;
  const auto hidden = static_cast<int64_t>(static_cast<double>(width) * options.mlp_ratio);
  const auto map = [](torch::nn::Module& owner, const char* name, int64_t in, int64_t out) {
    return owner.register_module(name, std::make_shared<LinearLayer>(in, out));
  };
  const auto attn = register_module("attn", std::make_shared<torch::nn::Module>());
  qkv_ = map(*attn, "qkv", width, 3 * width);
  proj_ = map(*attn, "proj", width, width);
  const auto mlp = register_module("mlp", std::make_shared<torch::nn::Module>());
  fc1_ = map(*mlp, "fc1", width, hidden);
  fc2_ = map(*mlp, "fc2", hidden, width);
  map_ = register_module("adaLN_modulation", std::make_shared<AdaLnModulation>(width, 6));
}

BlockWeights DiffusionTransformerBlock::weights() const {
  BlockWeights weights;
  weights.qkv = qkv_->map();
  weights.projection = proj_->map();
  weights.up = fc1_->map();
  weights.down = fc2_->map();
  return weights;
}

at::Tensor DiffusionTransformerBlock::attention(const at::Tensor& normed) const {
  return block_.attention(normed, weights());
}

at::Tensor DiffusionTransformerBlock::mlp(const at::Tensor& normed) const {
  return block_.feed_forward(normed, weights());
}

std::vector<at::Tensor> DiffusionTransformerBlock::modulation(const at::Tensor& opened) const {
  return map_->map().forward(opened).chunk(6, -1);
}

at::Tensor DiffusionTransformerBlock::forward(const at::Tensor& x, const at::Tensor& opened) const {
  const auto m = modulation(opened);
  const auto middle = x + m[2] * attention(modulated(x, m[0], m[1]));
  return middle + m[5] * mlp(modulated(middle, m[3], m[4]));
}

DiffusionTransformer::DiffusionTransformer(const DiffusionTransformerOptions& options) : options_(options) {
  const int64_t width = options.width, tokens = options.side * options.side;
  pos_embed_ = register_parameter("pos_embed", at::empty({1, tokens, width}), /*requires_grad=*/false);
  c_pos_embed_ = register_parameter("c_pos_embed", at::empty({1, tokens, width}), /*requires_grad=*/false);
  x_embedder_ =
      register_module("x_embedder", std::make_shared<PointwiseConvolution>(options.channels, width));
  t_embedder_ = register_module("t_embedder", std::make_shared<TimestepEmbedder>(width));
  c_embedder_ =
      register_module("c_embedder", std::make_shared<PointwiseConvolution>(options.condition_width, width));
  torch::nn::ModuleList list;
  for (int64_t i = 0; i < options.depth; ++i) {
    blocks_.push_back(std::make_shared<DiffusionTransformerBlock>(options));
    list->push_back(blocks_.back());
  }
  register_module("blocks", list);
  auto last = register_module("final_layer", std::make_shared<torch::nn::Module>());
  linear_ = last->register_module("linear", std::make_shared<LinearLayer>(width, options.channels));
  final_map_ = last->register_module("adaLN_modulation", std::make_shared<AdaLnModulation>(width, 2));
}

at::Tensor DiffusionTransformer::embedded(const at::Tensor& x) const {
  return x_embedder_->forward(x) + pos_embed_;
}

at::Tensor DiffusionTransformer::forward(const at::Tensor& x, const at::Tensor& t,
                                         const at::Tensor& z) const {
  const auto opened = at::silu(times(t).unsqueeze(1) + condition(z));
  auto h = embedded(x);
  for (const auto& block : blocks_) h = block->forward(h, opened);
  const auto m = final_map_->map().forward(opened).chunk(2, -1);
  return linear_->forward(modulated(h, m[0], m[1]));
}

at::Tensor DiffusionTransformer::estimate(const at::Tensor& x, const at::Tensor& time,
                                          const at::Tensor& condition) const {
  const auto opened = at::silu(time + condition).to(type());
  const auto last = final_map_->map().forward(opened).chunk(2, -1);
  auto h = embedded(x).contiguous();
  auto m = blocks_.front()->modulation(opened);
  auto normed = kernels::modulated_norm(h, {m[1], m[0]}, kDitEpsilon, type());
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const auto& block = *blocks_[i];
    normed =
        kernels::gated_modulated_norm(h, block.attention(normed), m[2], {m[4], m[3]}, kDitEpsilon, type());
    const auto fed = block.mlp(normed);
    const auto gate = m[5];
    const bool ends = i + 1 == blocks_.size();
    m = ends ? last : blocks_[i + 1]->modulation(opened);
    normed = kernels::gated_modulated_norm(h, fed, gate, {m[1], m[0]}, kDitEpsilon, type());
  }
  return linear_->forward(normed).to(at::kFloat);
}

void DiffusionTransformer::set_type(at::ScalarType type) { set_linear_type(*this, type); }

void DiffusionTransformer::initialise() {
  const torch::NoGradGuard no_grad;
  for (const auto& part : modules(/*include_self=*/false)) {
    if (const auto* layer = dynamic_cast<const LinearLayer*>(part.get())) initialise_xavier(*layer);
  }
  x_embedder_->initialise();
  c_embedder_->initialise();
  for (const auto& weight : t_embedder_->weights()) weight.normal_(0.0, 0.02);
  for (const auto& block : blocks_) initialise_zeros(block->map());
  initialise_zeros(final_map_->map());
  initialise_zeros(*linear_);
  pos_embed_.copy_(grid_position_table(options_.side, options_.width).unsqueeze(0));
  c_pos_embed_.zero_();
}

GridDiffusionLoss::GridDiffusionLoss(const DiffusionTransformerOptions& options) {
  net_ = register_module("net", std::make_shared<DiffusionTransformer>(options));
}

GridDiffusionLoss::Errors GridDiffusionLoss::errors(const at::Tensor& target, const at::Tensor& z,
                                                    const at::Tensor& masked, const at::Tensor& t,
                                                    const at::Tensor& noise) const {
  static const DiffusionSchedule schedule;
  const auto start = target.flatten(1), numbers = noise.flatten(1);
  const auto x_t = schedule.noised(start, t, numbers).view(target.sizes());
  // The velocity is what noise and start make of each other: a epsilon - s x_0.
  const auto wanted = net_->options().prediction == Prediction::v
                          ? schedule.noised(numbers, t, -start).view(target.sizes())
                          : noise;
  Errors errors;
  errors.model_output = net_->forward(x_t, t, z).to(at::kFloat);
  errors.mse = ((wanted - errors.model_output) * masked.unsqueeze(-1)).square().mean();
  return errors;
}

at::Tensor GridDiffusionLoss::sample(const at::Tensor& z, const DiffusionSchedule& schedule,
                                     const Denoising& how, const DiffusionRandomInputs& random_inputs,
                                     const KnownGrid* known) const {
  const torch::NoGradGuard no_grad;
  const bool guided = how.cfg != 1.0;
  const auto solver = solver_with(how, random_inputs);
  const auto condition = net_->condition(z).to(at::kFloat);
  const auto times = net_->times(schedule.timestep_map().to(z.device())).to(at::kFloat);  // [T, W]
  const int64_t seen = guided ? z.size(0) / 2 : z.size(0);
  const auto start = start_with(how, random_inputs);
  const int64_t halves = start.size(0) / seen;
  const auto is_known = known == nullptr ? at::Tensor() : known->known.unsqueeze(-1).repeat({halves, 1, 1});
  const auto given = known == nullptr ? at::Tensor() : known->tokens.repeat({halves, 1, 1});
  auto x = start, start_before = at::zeros_like(start);
  for (int64_t index = schedule.steps() - 1; index >= 0; --index) {
    if (known != nullptr) {
      const auto place = static_cast<std::size_t>(index);
      x = at::where(
          is_known,
          given * schedule.sqrt_alphas_cumprod[place] + start * schedule.sqrt_one_minus_alphas_cumprod[place],
          x);
    }
    // Both halves see the same grids.
    const auto grids = x.narrow(0, 0, seen);
    auto predicted = net_->estimate(guided ? grids.repeat({2, 1, 1}) : grids, times[index], condition);
    if (guided) {
      const auto with = predicted.narrow(0, 0, seen), without = predicted.narrow(0, seen, seen);
      predicted = (without + (with - without) * how.cfg).repeat({halves, 1, 1});
    }
    const auto estimate = net_->options().prediction == Prediction::v
                              ? schedule.of_velocity(predicted, {}, x, schedule.step(index))
                              : NoiseEstimate{predicted, {}};
    switch (solver) {
      case DiffusionSolver::ddpm:
        x = schedule
                .reverse_fixed_large(estimate, x, index,
                                     index == 0 ? at::Tensor() : random_inputs.step(index), how.temperature,
                                     how.clip)
                .sample;
        break;
      case DiffusionSolver::ddim:
        x = schedule.flow(estimate, x, index, how.clip);
        break;
      case DiffusionSolver::dpmpp_2m: {
        const auto next =
            DiffusionSchedule::flow_by_two(estimate, x, start_before, schedule.step(index), how.clip);
        x = next.sample;
        start_before = next.start;
        break;
      }
    }
  }
  return x;
}

}  // namespace arzoo::nn
