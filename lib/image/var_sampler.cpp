#include "image/var_sampler.h"

#include <torch/torch.h>

#include <cmath>

#include "core/error.h"

namespace arzoo::image {
namespace {

/// The softmax temperature of more_smooth at a scale's place in [0, 1].
double smoothing_temperature(double place) { return std::max(0.27 * (1.0 - place * 0.95), 0.005); }

/// Without guidance there is no need for the rows of the null class.
bool is_guided(const VarSampling& sampling) { return sampling.cfg_scale != 0.0; }

}  // namespace

const nn::TokenSampling& VarSampling::at(std::size_t scale) const {
  static const nn::TokenSampling kNoFilter;
  if (scales.empty()) return kNoFilter;
  return scales.size() == 1 ? scales.front() : scales.at(scale);
}

VarSampling var_sampling(const VarGenerationOptions& options, std::size_t scales) {
  VarSampling sampling;
  sampling.cfg_scale = options.cfg;
  sampling.more_smooth = options.smooth;
  const auto of_scale = [](const auto& list, std::size_t scale, auto otherwise) {
    return list.empty() ? otherwise : list[std::min(scale, list.size() - 1)];
  };
  for (std::size_t k = 0; k < scales; ++k) {
    sampling.scales.push_back({.top_k = of_scale(options.top_k, k, int64_t{0}),
                               .top_p = of_scale(options.top_p, k, 0.0),
                               .temperature = of_scale(options.temperature, k, 1.0)});
    if (!options.depth_schedule.empty())
      sampling.depths.push_back(of_scale(options.depth_schedule, k, int64_t{0}));
    if (!options.prune.empty()) sampling.pruned.push_back(of_scale(options.prune, k, 0.0));
  }
  return sampling;
}

/// What grows while the scales are generated.
struct VarSampler::Run {
  const VarSampling& sampling;
  nn::TokenRandomInputs& random_inputs;
  SamplingObserver* observer;
  at::Tensor f_hat;
  std::size_t scale = 0;              ///< the next to be generated
  std::vector<at::Tensor> maps = {};  ///< what scales 1, 2, … see
  std::vector<at::Tensor> ids = {};   ///< of the scales so far
};

VarSampler::VarSampler(Vqvae& vae, const Var& model) : vae_(vae), model_(model) {
  const auto &own = model.options().vae, &given = vae.options();
  if (own.vocab_size != given.vocab_size || own.z_channels != given.z_channels) {
    fail<CheckpointError>(
        "var: the tokenizer has {} codes of width {}, expected {} of width {} (another one's checkpoint)",
        given.vocab_size, given.z_channels, own.vocab_size, own.z_channels);
  }
}

void VarSampler::refine_with(const Var& refiner, int64_t draft_steps) {
  const auto scales = static_cast<int64_t>(model_.grids().size());
  if (!(refiner.grids() == model_.grids()))
    fail<CheckpointError>(
        "code: drafter and refiner generate different scales, expected the same patch_nums");
  if (draft_steps < 1 || draft_steps >= scales)
    fail<UsageError>("code: {} draft steps, expected 1..{} (of {} scales)", draft_steps, scales - 1, scales);
  refiner_ = &refiner;
  draft_steps_ = static_cast<std::size_t>(draft_steps);
}

std::vector<int64_t> VarSampler::blocks(const Var& model, const VarSampling& sampling,
                                        std::size_t scale) const {
  const int64_t depth = model.options().depth;
  if (sampling.depths.empty()) return model.all_blocks();
  const int64_t used = sampling.depths.at(scale);
  if (used < 1 || used > depth)
    fail<UsageError>("depth schedule: {} blocks at scale {}, expected 1..{}", used, scale + 1, depth);
  return nested_blocks(depth, used);
}

void VarSampler::sample_scale(Run& run, const at::Tensor& hidden, const VarGeneration& generation,
                              const Var& model) const {
  const auto& grids = model.grids();
  const auto scales = static_cast<int64_t>(grids.size());
  const auto k = static_cast<int64_t>(run.scale);
  const double place = static_cast<double>(k) / static_cast<double>(scales - 1);
  auto logits = model.guided_logits(generation, hidden, run.sampling.cfg_scale * place).contiguous();
  if (run.observer != nullptr) run.observer->on_logits(run.scale, logits);
  nn::filter_logits(logits, run.sampling.at(run.scale));
  const int64_t first = tokens_of(grids, run.scale);
  auto ids = run.random_inputs.pick(logits, first);
  if (known_ != nullptr) ids = at::where(known_->known.at(k), known_->ids.at(k), ids);
  auto& quantizer = vae_.quantizer();
  if (run.sampling.more_smooth) {
    const auto gumbel = -run.random_inputs.exponentials(logits, first).log();
    const auto shares = at::softmax((logits * (1.0 + place) + gumbel) / smoothing_temperature(place), -1);
    auto mixed = at::matmul(shares, quantizer.codebook());  // [B, tokens, z]
    if (known_ != nullptr)
      mixed = at::where(known_->known.at(k).unsqueeze(-1), at::embedding(quantizer.codebook(), ids), mixed);
    const auto& grid = grids[run.scale];
    quantizer.add_scale(
        run.f_hat, mixed.transpose(1, 2).reshape({mixed.size(0), mixed.size(2), grid.height, grid.width}), k,
        scales);
  } else {
    quantizer.add_scale(run.f_hat, quantizer.lookup(ids, grids[run.scale]), k, scales);
  }
  ++run.scale;
  run.ids.push_back(ids);
  at::Tensor next;
  if (run.scale < grids.size()) {
    next = ResidualQuantizer::next_input(run.f_hat, grids[run.scale]);
    run.maps.push_back(next);
  }
  if (run.observer != nullptr) run.observer->on_scale(run.scale - 1, ids, run.f_hat, next);
}

/// A generation up to scale `until`, with a cache of exactly the tokens that each block will see. Scales that
/// are generated already pass together with the next scale, through the blocks of that scale.
VarGeneration VarSampler::begin(const Var& model, const Run& run, const at::Tensor& labels,
                                std::size_t until) const {
  const TokenPruning pruning(run.sampling.pruned, model.grids());
  std::vector<int64_t> cached(static_cast<std::size_t>(model.options().depth), 0);
  for (std::size_t scale = 0; scale < until; ++scale) {
    const bool pruned = scale > run.scale && pruning.prunes(scale);
    for (const int64_t block : blocks(model, run.sampling, std::max(scale, run.scale)))
      cached[static_cast<std::size_t>(block)] += pruned ? pruning.kept(scale) : model.grids()[scale].tokens();
  }
  auto generation = model.begin(labels, is_guided(run.sampling), cached);
  generation.pruning = pruning;
  return generation;
}

void VarSampler::draft(Run& run, const at::Tensor& labels, std::size_t until, runtime::Trace* trace) const {
  auto generation = begin(model_, run, labels, until);
  generation.trace = trace;
  while (run.scale < until) {
    const auto maps = run.scale == 0 ? at::Tensor() : run.maps.back();
    const auto hidden = model_.extend(generation, maps, 1, blocks(model_, run.sampling, run.scale));
    sample_scale(run, hidden, generation, model_);
  }
  if (run.observer != nullptr) run.observer->on_cached(generation.cache_bytes());
}

void VarSampler::refine(Run& run, const at::Tensor& labels) const {
  auto generation = begin(*refiner_, run, labels, refiner_->grids().size());
  // The drafted scales pass at once, with the first scale that is the refiner's own.
  auto hidden = refiner_->extend(generation, at::cat(run.maps, 1), run.scale + 1,
                                 blocks(*refiner_, run.sampling, run.scale));
  sample_scale(run, hidden, generation, *refiner_);
  while (run.scale < refiner_->grids().size()) {
    hidden = refiner_->extend(generation, run.maps.back(), 1, blocks(*refiner_, run.sampling, run.scale));
    sample_scale(run, hidden, generation, *refiner_);
  }
  if (run.observer != nullptr) run.observer->on_cached(generation.cache_bytes());
}

VarSampler::Run VarSampler::start(const VarSampling& sampling, nn::TokenRandomInputs& random_inputs,
                                  SamplingObserver* observer, int64_t pictures) const {
  const auto& finest = model_.grids().back();
  const auto& codebook = vae_.quantizer().codebook();
  return {sampling, random_inputs, observer,
          at::zeros({pictures, codebook.size(1), finest.height, finest.width},
                    codebook.options().requires_grad(false))};
}

std::vector<at::Tensor> VarSampler::tokens_after(std::vector<at::Tensor> given, std::size_t until,
                                                 const at::Tensor& labels, const VarSampling& sampling,
                                                 nn::TokenRandomInputs& random_inputs,
                                                 SamplingObserver* observer) const {
  const torch::NoGradGuard no_grad;
  const auto& grids = model_.grids();
  auto run = start(sampling, random_inputs, observer, labels.size(0));
  for (; run.scale < given.size(); ++run.scale) {
    vae_.quantizer().add_scale(run.f_hat, vae_.quantizer().lookup(given[run.scale], grids[run.scale]),
                               static_cast<int64_t>(run.scale), static_cast<int64_t>(grids.size()));
    run.maps.push_back(ResidualQuantizer::next_input(run.f_hat, grids[run.scale + 1]));
  }
  run.ids = std::move(given);
  auto generation = begin(model_, run, labels, until);
  generation.sees_together = true;
  const auto maps = run.maps.empty() ? at::Tensor() : at::cat(run.maps, 1);
  auto hidden = model_.extend(generation, maps, run.scale + 1, blocks(model_, sampling, run.scale));
  sample_scale(run, hidden, generation, model_);
  while (run.scale < until) {
    hidden = model_.extend(generation, run.maps.back(), 1, blocks(model_, sampling, run.scale));
    sample_scale(run, hidden, generation, model_);
  }
  return run.ids;
}

at::Tensor VarSampler::features(const at::Tensor& labels, const VarSampling& sampling,
                                nn::TokenRandomInputs& random_inputs, SamplingObserver* observer,
                                runtime::Trace* trace) const {
  const torch::NoGradGuard no_grad;
  auto run = start(sampling, random_inputs, observer, labels.size(0));
  draft(run, labels, refiner_ == nullptr ? model_.grids().size() : draft_steps_, trace);
  if (refiner_ != nullptr) refine(run, labels);
  return run.f_hat;
}

at::Tensor VarSampler::pictures(const at::Tensor& features) const {
  const torch::NoGradGuard no_grad;
  return vae_.decode(features).add_(1.0).mul_(0.5);
}

}  // namespace arzoo::image
