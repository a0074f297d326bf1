#include "shape3d/mar3d_model.h"

#include <torch/torch.h>

#include "core/seeded_random.h"
#include "kernels/random_numbers.h"

namespace arzoo::shape3d {
namespace {

// A seed's streams.
constexpr uint64_t kLow = 0x6c6f77U, kHigh = 0x68696768U, kAugmentation = 0x6175676dU;

std::vector<uint64_t> streams_of(const std::vector<uint64_t>& seeds, uint64_t stream) {
  std::vector<uint64_t> streams;
  for (const uint64_t seed : seeds) streams.push_back(splitmix64(seed ^ stream));
  return streams;
}

/// Standard normal numbers of each sample's own, [B, n, C].
at::Tensor seeded_normal(const std::vector<uint64_t>& streams, const at::Tensor& like) {
  return kernels::normal_numbers(kernels::streams_on(streams, like.device()), 0, like.size(1), like.size(2));
}

}  // namespace

nn::MaskedSampling sampling_of(const Mar3dGenerationOptions& options) {
  return {.num_iter = options.steps,
          .cfg = options.cfg,
          .linear_cfg = options.cfg_schedule == "linear",
          .temperature = options.temperature,
          .num_sampling_steps = options.denoising_steps,
          .clip = options.clip,
          .solver = nn::solver_of(options.denoising_solver)};
}

Mar3d::Mar3d(const Mar3dOptions& options) : options_(options) {
  const ConditionRows rows{options.patches(), options.lr.latent_size};
  const int64_t width = options.vae_embed_dim, low_tokens = options.lr.latent_size;
  latent_scale_ = register_buffer("latent_scale", at::zeros({1}));
  const auto condition = [&](const char* name, const ShapeMarOptions& stage) {
    return register_module(name,
                           std::make_shared<ShapeCondition>(options, rows, width, stage.encoder_embed_dim));
  };
  lr_condition_ = condition("lr_condition", options.lr);
  lr_ = register_module("lr", std::make_shared<ShapeMar>(options.lr, width, rows.all(), 0));
  hr_condition_ = condition("hr_condition", options.hr);
  hr_ = register_module("hr",
                        std::make_shared<ShapeMar>(options.hr, width, rows.all() + low_tokens, low_tokens));
}

void Mar3d::set_scale(const at::Tensor& z) {
  const torch::NoGradGuard no_grad;
  if (latent_scale_.item<double>() == 0.0) latent_scale_.fill_(1.0 / z.to(at::kDouble).std().item<double>());
}

Mar3d::Loss Mar3d::loss(const at::Tensor& low, const at::Tensor& high, const GivenOfShape& given,
                        const RandomInputs& random_inputs) const {
  const auto share =
      random_inputs.augment_share.defined()
          ? random_inputs.augment_share
          : at::rand({low.size(0)}) * (options_.cond_aug_train[1] - options_.cond_aug_train[0]) +
                options_.cond_aug_train[0];
  const auto noise =
      random_inputs.augment_noise.defined() ? random_inputs.augment_noise : at::randn(low.sizes());
  const auto shown = augmented(low, noise.to(low.device()), share.to(low.device(), low.scalar_type()));
  return {lr_->loss(low, lr_->condition(lr_condition_->forward(given)), random_inputs.lr),
          hr_->loss(high, hr_->condition(hr_condition_->forward(given), shown), random_inputs.hr)};
}

int64_t Mar3d::steps(const Request& request) const {
  const int64_t low = std::min(request.sampling.num_iter, options_.lr.latent_size);
  return request.low_only ? low : low + std::min(request.sampling.num_iter, options_.hr.latent_size);
}

at::Tensor Mar3d::sample_stage(const ShapeMar& stage, const at::Tensor& condition, const Request& request,
                               const ShapeMarOptions& options, uint64_t stream, int64_t& step) const {
  nn::SeededMaskedNoise noise(streams_of(request.seeds, stream));
  auto sampling = request.sampling;
  if (sampling.num_sampling_steps == 0) sampling.num_sampling_steps = options.num_sampling_steps;
  nn::MaskedRequest wanted{.condition = condition,
                           .orders = noise.orders(options.latent_size).to(condition.device())};
  if (request.watch) wanted.observer = [&](const nn::MaskedStep&) { request.watch(step++); };
  return nn::sample_masked_tokens(stage, wanted, sampling, noise);
}

at::Tensor Mar3d::sample(const Request& request) const {
  const torch::NoGradGuard no_grad;
  int64_t step = 0;
  const auto low = sample_stage(*lr_, lr_->condition(lr_condition_->forward(request.given)), request,
                                options_.lr, kLow, step);
  if (request.low_only) return unscaled(low);
  const auto noise = seeded_normal(streams_of(request.seeds, kAugmentation), low);
  const auto shown = augmented(low, noise, at::full({1}, options_.cond_aug_infer, low.options()));
  const auto condition = hr_->condition(hr_condition_->forward(request.given), shown);
  return unscaled(sample_stage(*hr_, condition, request, options_.hr, kHigh, step));
}

void Mar3d::initialise() {
  lr_condition_->initialise();
  hr_condition_->initialise();
  lr_->initialise();
  hr_->initialise();
}

void Mar3d::set_type(at::ScalarType type) {
  lr_->set_type(type);
  hr_->set_type(type);
}

}  // namespace arzoo::shape3d
