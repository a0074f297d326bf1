#include "image/llamagen_vq_experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "image/fixture.h"
#include "image/model_folder.h"
#include "image/sample_metrics.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"
#include "runtime/safetensors.h"

namespace arzoo::image {
namespace {

constexpr const char* kDiscriminatorFile = "discriminator.safetensors";

}  // namespace

LlamaGenVqExperiment::LlamaGenVqExperiment(const Config& config, const runtime::Compute& compute)
    : PictureExperiment(config, compute, model_options<LlamaGenVqOptions>(config.at("model")).resolution),
      model_(runtime::build_module<LlamaGenVq, LlamaGenVqOptions>(config.at("model"))) {
  model_->initialise();
  discriminator_ = make_discriminator(model_->options().loss, model_->options().resolution);
  trained_ = trained_together(*model_, discriminator_);
  trained_->to(compute.device);
}

runtime::Losses LlamaGenVqExperiment::loss(int64_t batch) {
  const auto images = loader_.get(batch).images.to(compute_.device);
  const auto pass = model_->train_pass(images);
  const auto& options = model_->options().loss;
  const double weight = adversarial_weight(options, batch);
  const auto losses = vq_losses(options, *model_, pass, images, discriminator_.get(), weight);
  runtime::Losses result{losses.generator,
                         {{options.reconstruction_loss, losses.reconstruction.detach()},
                          {"vq", pass.code.vq.detach()},
                          {"commit", pass.code.commit.detach()}}};
  result.samples = static_cast<double>(images.size(0));
  if (model_->options().entropy_loss_ratio > 0)
    result.parts.emplace_back("entropy", pass.code.entropy.detach());
  if (losses.discriminator.defined()) {
    result.total = result.total + losses.discriminator;
    result.parts.emplace_back("adversarial", losses.adversarial.detach() * weight);
    result.parts.emplace_back("discriminator", losses.discriminator.detach());
  }
  result.statistics = [ids = pass.code.ids, codes = model_->options().codebook_size] {
    const auto used = at::bincount(ids.flatten(), {}, codes).gt(0);
    return runtime::Metrics{{"codes/used", 100.0 * used.to(at::kDouble).mean().item<double>()}};
  };
  return result;
}

std::vector<at::Tensor> LlamaGenVqExperiment::clipped_apart() const {
  return discriminator_ == nullptr ? std::vector<at::Tensor>() : discriminator_->parameters();
}

runtime::Metrics LlamaGenVqExperiment::evaluate(runtime::Split split) {
  if (loader_.evaluated(split).empty()) return {};
  model_->eval();
  std::vector<at::Tensor> errors;
  auto uses = at::zeros({model_->options().codebook_size}, at::kDouble);
  loader_.each(split, [&](const ImageBatch& batch) {
    const auto images = batch.images.to(compute_.device);
    const auto ids = model_->tokens(images);
    errors.push_back(squared_error(model_->decode(model_->quantizer().lookup(ids)), images).cpu());
    uses += at::bincount(ids.flatten(), {}, uses.size(0)).cpu();
  });
  const auto squared = at::cat(errors);
  return {{"l2", squared.mean().item<double>()},
          {"psnr", signal_to_noise(squared, 2.0).mean().item<double>()},
          {"codes", 100.0 * uses.gt(0).to(at::kDouble).mean().item<double>()}};
}

void LlamaGenVqExperiment::save(const std::filesystem::path& folder) {
  runtime::save_model(description(folder), *model_);
  if (discriminator_ != nullptr)
    runtime::write_safetensors(folder / kDiscriminatorFile, runtime::state_dict(*discriminator_).entries());
}

void LlamaGenVqExperiment::load(const std::filesystem::path& folder) {
  runtime::load_strictly(*model_, runtime::open_tensors(folder), folder.string());
  if (discriminator_ == nullptr) return;
  const auto file = folder / kDiscriminatorFile;
  runtime::load_strictly(*discriminator_, runtime::open_tensors(file), file.string());
}

std::vector<ReportSection> LlamaGenVqExperiment::showcase() {
  return reconstructions([&](const at::Tensor& images) { return model_->reconstruct(images); });
}

}  // namespace arzoo::image

namespace arzoo::runtime {

template <>
const ModelEntry& entry<image::LlamaGenVqOptions>() {
  static const ModelEntry entry{
      .name = image::LlamaGenVqOptions::kName,
      .build = &build_any<image::LlamaGenVq, image::LlamaGenVqOptions>,
      .experiment = &make_experiment<image::LlamaGenVqExperiment>,
      .replays = {{"llamagen_vq", image::replay_llamagen_vq}},
      .weights = {.fp32 = true},
  };
  return entry;
}

}  // namespace arzoo::runtime
