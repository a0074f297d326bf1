#include "image/vqvae_experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "image/fixture.h"
#include "image/sample_metrics.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"

namespace arzoo::image {
namespace {

// A code is in use with this share of what it had if all were used alike: the official trainer's margin.
constexpr double kUsedShare = 0.08;

/// [V] bool
at::Tensor is_used(const at::Tensor& uses) { return uses.ge(uses.mean() * kUsedShare); }

/// No training batch was coded yet.
bool is_fresh(const at::Tensor& uses) { return uses.sum().item<double>() == 0.0; }

double percent(const at::Tensor& flags) { return 100.0 * flags.to(at::kDouble).mean().item<double>(); }

/// e to the entropy of the codes' frequencies: as many codes, used alike, would say as much.
double perplexity(const at::Tensor& uses) {
  const auto p = uses.to(at::kDouble) / uses.sum();
  return std::exp(-(p * p.clamp_min(1e-300).log()).sum().item<double>());
}

}  // namespace

VqvaeExperiment::VqvaeExperiment(const Config& config, const runtime::Compute& compute)
    : PictureExperiment(config, compute, model_options<VqvaeOptions>(config.at("model")).pixels()),
      model_(runtime::build_module<Vqvae, VqvaeOptions>(config.at("model"))) {
  model_->initialise();
  model_->to(compute.device);
}

void VqvaeExperiment::prepare(int64_t batch) {
  auto& quantizer = model_->quantizer();
  const auto uses = quantizer.uses();
  const bool fresh = is_fresh(uses);
  const int64_t every = model_->options().revive_every;
  const bool due = every > 0 && batch > 0 && batch % every == 0;
  if (!fresh && !due) return;
  const torch::NoGradGuard no_grad;
  const auto images = loader_.get(batch).images.to(compute_.device);
  const auto unused = fresh ? at::ones_like(uses, at::kBool) : is_used(uses).logical_not();
  if (unused.any().item<bool>()) quantizer.replace_codes(unused, model_->features(images), model_->grids());
}

runtime::Losses VqvaeExperiment::loss(int64_t batch) {
  const auto images = loader_.get(batch).images.to(compute_.device);
  const auto pass = model_->train_pass(images);
  model_->quantizer().count_uses(pass.ids, is_fresh(model_->quantizer().uses()));
  const auto l2 = at::mse_loss(pass.images, images), l1 = at::l1_loss(pass.images, images);
  auto total = l2 + pass.quantizer_loss;
  if (model_->options().l1_weight > 0) total = total + l1 * model_->options().l1_weight;
  const auto statistics = [this] {
    const auto uses = model_->quantizer().uses();
    return runtime::Metrics{{"codes/used", percent(is_used(uses))}, {"codes/perplexity", perplexity(uses)}};
  };
  return {.total = total,
          .parts = {{"l2", l2.detach()}, {"l1", l1.detach()}, {"quantizer", pass.quantizer_loss.detach()}},
          .statistics = statistics,
          .samples = static_cast<double>(images.size(0))};
}

runtime::Metrics VqvaeExperiment::evaluate(runtime::Split split) {
  if (loader_.evaluated(split).empty()) return {};
  model_->eval();
  std::vector<at::Tensor> errors;
  auto uses = at::zeros({model_->options().vocab_size}, at::kDouble);
  loader_.each(split, [&](const ImageBatch& batch) {
    const auto images = batch.images.to(compute_.device);
    const auto code = model_->quantizer().encode(model_->features(images), model_->grids());
    errors.push_back(squared_error(model_->decode(code.f_hat.back()), images).cpu());
    for (const auto& ids : code.ids) uses += at::bincount(ids.flatten(), {}, uses.size(0)).cpu();
  });
  const auto squared = at::cat(errors);
  return {{"l2", squared.mean().item<double>()},
          {"psnr", signal_to_noise(squared, 2.0).mean().item<double>()},
          {"codes", percent(is_used(uses))}};
}

std::vector<ReportSection> VqvaeExperiment::showcase() {
  return reconstructions(
      [&](const at::Tensor& images) { return model_->reconstruct(images, model_->grids()); });
}

}  // namespace arzoo::image

namespace arzoo::runtime {

template <>
const ModelEntry& entry<image::VqvaeOptions>() {
  static const ModelEntry entry{
      .name = image::VqvaeOptions::kName,
      .build = &build_any<image::Vqvae, image::VqvaeOptions>,
      .experiment = &make_experiment<image::VqvaeExperiment>,
      .replays = {{"vqvae", image::replay_vqvae}, {"var_quantizer", image::replay_quantizer}},
  };
  return entry;
}

}  // namespace arzoo::runtime
