#include "image/vqvae_experiment.h"

#include <fmt/ranges.h>
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

double mean_decibels(const std::vector<at::Tensor>& squared_errors) {
  return signal_to_noise(at::cat(squared_errors), 2.0).mean().item<double>();
}

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
  const auto scales = static_cast<std::size_t>(model_->grids().size());
  // Every token map's own figures are worth a decoder's pass each on the test pictures alone.
  const std::size_t first = split == runtime::Split::test ? 0 : scales - 1;
  std::vector<std::vector<at::Tensor>> errors(scales);
  auto uses = at::zeros({static_cast<int64_t>(scales), model_->options().vocab_size}, at::kDouble);
  loader_.each(split, [&](const ImageBatch& batch) {
    const auto images = batch.images.to(compute_.device);
    const auto code = model_->quantizer().encode(model_->features(images), model_->grids());
    for (std::size_t k = 0; k < scales; ++k) {
      uses[static_cast<int64_t>(k)] += at::bincount(code.ids[k].flatten(), {}, uses.size(1)).cpu();
      if (k >= first) errors[k].push_back(squared_error(model_->decode(code.f_hat[k]), images).cpu());
    }
  });
  runtime::Metrics metrics{{"l2", at::cat(errors.back()).mean().item<double>()},
                           {"psnr", mean_decibels(errors.back())},
                           {"codes", percent(is_used(uses.sum(0)))}};
  if (first + 1 == scales) return metrics;
  for (std::size_t k = 0; k < scales; ++k) {
    metrics.emplace_back(fmt::format("psnr_{}", k + 1), mean_decibels(errors[k]));
    metrics.emplace_back(fmt::format("codes_{}", k + 1), percent(is_used(uses[static_cast<int64_t>(k)])));
  }
  return metrics;
}

std::vector<std::string> VqvaeExperiment::notes() const {
  auto notes = PictureExperiment::notes();
  const auto& options = model_->options();
  if (options.band_rule == "none") return notes;
  const auto counts = FrequencyBands(options.band_rule, model_->grids()).counts();
  std::vector<std::size_t> empty;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    if (counts[k] == 0) empty.push_back(k + 1);
  }
  if (!empty.empty())
    notes.push_back(
        fmt::format("band_rule {}: no frequency in band {}, which codes what those before left over",
                    options.band_rule, fmt::join(empty, ", ")));
  return notes;
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
      .replays = {{"vqvae", image::replay_vqvae},
                  {"var_quantizer", image::replay_quantizer},
                  {"nfig_bands", image::replay_frequency_bands, /*on_cpu=*/true},
                  {"nfig_quantizer", image::replay_band_quantizer}},
      .weights = {.whole = true, .fp32 = true},
  };
  return entry;
}

}  // namespace arzoo::runtime
