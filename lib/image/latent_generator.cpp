#include "image/latent_generator.h"

#include <torch/torch.h>

#include "image/latent_parts.h"
#include "image/latent_tokens.h"
#include "runtime/parameter_count.h"

namespace arzoo::image {

void LatentGenerator::prepare(const FoundModel& found, torch::nn::Module& model, int64_t pixels,
                              const runtime::Compute& compute) {
  pixels_ = pixels;
  if (found.folder) facts_ = PictureFacts::of(*found.folder, classes());
  parameters_ = runtime::count_parameters(model).all + runtime::count_parameters(*vae_).all;
  settings_["model"] = found.name;
  settings_["weights"] = found.file.string();
  settings_["dtype"] = runtime::precision_name(compute);
  quantized_ = make_ready(model, *vae_, compute);
}

at::Tensor LatentGenerator::decoded(const at::Tensor& latents) const {
  auto pictures = vae_->decode(latents).add_(1.0).mul_(0.5);
  // What is not generated anew is the given picture itself, not what the tokenizer makes of it. A preview is
  // smaller and stays as it is.
  if (edit_ && pictures.size(3) == edit_->paint.size(3))
    pictures = at::where(edit_->paint, pictures, edit_->picture);
  return pictures.cpu();
}

at::Tensor LatentGenerator::sample(const runtime::ImageBatch& batch,
                                   const runtime::StepWatcher& watcher) const {
  const torch::NoGradGuard no_grad;
  const kernels::QuantizedScope scope(quantized_.get());
  return decoded(latents(batch, [&](int64_t step, const at::Tensor& so_far) {
    watcher(step, [&] { return decoded(so_far); });
  }));
}

MarGenerator::MarGenerator(const LatentParts<Mar>& parts, const Json& asked, const runtime::Compute& compute)
    : LatentGenerator(parts.vae, compute),
      model_(parts.model),
      sampling_(mar_sampling(asked, parts.defaults)) {
  prepare(parts.found, *model_, model_->options().img_size, compute);
  settings_["cfg"] = sampling_.cfg;
  settings_["cfg_schedule"] = sampling_.linear_cfg ? "linear" : "constant";
  settings_["steps"] = sampling_.num_iter;
  settings_["denoising_steps"] = sampling_.num_sampling_steps;
  settings_["temperature"] = sampling_.temperature;
  settings_["denoising_solver"] = nn::name_of(sampling_.solver);
  if (sampling_.clip > 0.0) settings_["clip"] = sampling_.clip;
}

int64_t MarGenerator::steps() const {
  const int64_t sampled = edit_ ? edit_->known.known.logical_not().sum().item<int64_t>()
                                : model_->options().side() * model_->options().side();
  return std::min(sampling_.num_iter, sampled);
}

void MarGenerator::edit(const at::Tensor& picture, const at::Tensor& paint) {
  const torch::NoGradGuard no_grad;
  const auto on_device = picture.to(device_);
  const int64_t side = model_->options().side();
  const auto painted = paint.to(at::kFloat).view({1, 1, paint.size(0), paint.size(1)});
  const auto share = at::adaptive_avg_pool2d(painted, {side, side}).flatten();
  const auto mean = nn::DiagonalGaussian::of_moments(vae_->moments(on_device), 1).mean * vae_->latent_scale();
  edit_ = std::make_unique<Edit>(Edit{{patchified(mean, model_->options().patch_size), share.lt(0.5)},
                                      on_device.add(1.0).mul_(0.5),
                                      paint.to(device_).view({1, 1, paint.size(0), paint.size(1)})});
}

at::Tensor MarGenerator::latents(const runtime::ImageBatch& batch, const LatentWatcher& watcher) const {
  return sample_mar_latents(*model_, batch.labels.to(device_), batch.seeds, sampling_,
                            edit_ ? &edit_->known : nullptr, watcher);
}

FlowArGenerator::FlowArGenerator(const LatentParts<FlowAr>& parts, const Json& asked,
                                 const runtime::Compute& compute)
    : LatentGenerator(parts.vae, compute),
      model_(parts.model),
      sampling_(flow_sampling(asked, parts.defaults)) {
  prepare(parts.found, *model_, model_->options().pixels(), compute);
  settings_["cfg"] = sampling_.cfg;
  settings_["guidance"] = sampling_.guidance_high;
  settings_["steps"] = sampling_.num_steps;
  settings_["solver"] = sampling_.solver;
  settings_["temperature"] = sampling_.temperature;
}

void FlowArGenerator::edit(const at::Tensor&, const at::Tensor&) {
  fail<UsageError>(
      "--edit: a flowar generates all tokens of a scale at once, it keeps none (a mar or a var does)");
}

at::Tensor FlowArGenerator::latents(const runtime::ImageBatch& batch, const LatentWatcher& watcher) const {
  FlowObserver observer;
  const auto samples = batch.labels.size(0);
  observer.on_scale = [&](std::size_t scale, const at::Tensor&, const at::Tensor& tokens) {
    watcher(static_cast<int64_t>(scale), model_->enlarged(tokens.narrow(0, 0, samples), scale));
  };
  return sample_latents(*model_, batch.labels.to(device_), sampling_,
                        seeded_flow_noise(*model_, batch.seeds, sampling_.temperature), observer);
}

bool is_mar(const std::filesystem::path& path) { return find_model(path, "").name == MarOptions::kName; }
bool is_flowar(const std::filesystem::path& path) {
  return find_model(path, "").name == FlowArOptions::kName;
}

std::unique_ptr<runtime::ImageGenerator> open_mar_generator(const runtime::ImageSource& source,
                                                            const Json& sampling,
                                                            const runtime::Compute& compute) {
  const auto found = found_alone<MarOptions>(source);
  return std::make_unique<MarGenerator>(open_parts(found, source, compute.dtype, &mar_options_of, &load_mar),
                                        sampling, compute);
}
std::unique_ptr<runtime::ImageGenerator> open_flowar_generator(const runtime::ImageSource& source,
                                                               const Json& sampling,
                                                               const runtime::Compute& compute) {
  const auto found = found_alone<FlowArOptions>(source);
  return std::make_unique<FlowArGenerator>(
      open_parts(found, source, compute.dtype, &flowar_options_of, &load_flowar), sampling, compute);
}

std::unique_ptr<runtime::ImageGenerator> random_mar_generator(const std::vector<Config>& models,
                                                              std::optional<int64_t>, const Json& sampling,
                                                              const runtime::Compute& compute,
                                                              const Json& defaults) {
  return std::make_unique<MarGenerator>(
      random_parts<Mar, MarOptions>(models.front(), compute.dtype, defaults), sampling, compute);
}
std::unique_ptr<runtime::ImageGenerator> random_flowar_generator(const std::vector<Config>& models,
                                                                 std::optional<int64_t>, const Json& sampling,
                                                                 const runtime::Compute& compute,
                                                                 const Json& defaults) {
  return std::make_unique<FlowArGenerator>(
      random_parts<FlowAr, FlowArOptions>(models.front(), compute.dtype, defaults), sampling, compute);
}

}  // namespace arzoo::image
