#include "image/axial_generator.h"

#include <torch/torch.h>

#include "image/weight_shapes.h"
#include "runtime/generation_options.h"
#include "runtime/parameter_count.h"

namespace arzoo::image {

AxialSampling axial_sampling(const AxialGenerationOptions& options) {
  return {.filter = {.top_k = options.top_k, .top_p = options.top_p, .temperature = options.temperature}};
}

std::optional<Unpictured> unpictured(const AxialOptions& options) {
  constexpr int64_t kMostLevels = 256;
  if (options.img_channels != 1 && options.img_channels != 3)
    return Unpictured{"img_channels", fmt::format("{}, expected 1 or 3 of a picture", options.img_channels)};
  if (options.num_embs > kMostLevels)
    return Unpictured{"num_embs",
                      fmt::format("{}, expected at most {} of a picture", options.num_embs, kMostLevels)};
  return std::nullopt;
}

std::shared_ptr<Axial> open_axial(const ModelFolder& folder, at::ScalarType type) {
  const auto options = runtime::options_in<AxialOptions>(folder);
  if (const auto why = unpictured(options))
    fail<CheckpointError>("{}: /model/{}: {}", folder.path.string(), why->key, why->text);
  const auto model = build_for_inference<Axial>(options, type);
  runtime::load_strictly(*model, runtime::open_tensors(folder.path), folder.path.string());
  return model;
}

AxialGenerator::AxialGenerator(std::shared_ptr<Axial> model, PictureFacts facts, const Json& asked,
                               const Json& defaults, const std::string& weights,
                               const runtime::Compute& compute)
    : model_(std::move(model)), facts_(std::move(facts)), device_(compute.device) {
  const auto options =
      runtime::generation_options<AxialGenerationOptions>(asked, defaults, AxialOptions::kName);
  sampling_ = axial_sampling(options);
  parameters_ = runtime::count_parameters(*model_).all;
  settings_ = {
      {"model", AxialOptions::kName}, {"weights", weights},     {"temperature", options.temperature},
      {"top_k", options.top_k},       {"top_p", options.top_p}, {"dtype", runtime::precision_name(compute)}};
  if (compute.quantizes())
    fail<UsageError>("--quantize: an {} computes in fp32 or bf16", AxialOptions::kName);
  model_->to(device_);
  model_->eval();
  if (device_.is_cpu()) kernels::pack_for_inference(*model_);
}

void AxialGenerator::edit(const at::Tensor& picture, const at::Tensor& paint) {
  known_ = KnownLevels{levels_of(picture.cpu(), model_->options()), paint.cpu().logical_not().unsqueeze(0)};
}

at::Tensor AxialGenerator::sample(const runtime::ImageBatch& batch,
                                  const runtime::StepWatcher& watcher) const {
  const c10::InferenceMode inference;
  const auto samples = static_cast<int64_t>(batch.seeds.size());
  nn::SeededRandomInputs random_inputs(batch.seeds);
  auto sampling = sampling_;
  if (known_) sampling.known = &*known_;
  sampling.on_row = [&](int64_t row, const at::Tensor& levels) {
    watcher(row, [&] { return pictures_of(levels, model_->options()); });
  };
  const auto cond = model_->condition_of(batch.labels.to(device_));
  return pictures_of(sample_axial(*model_, samples, cond, random_inputs, sampling), model_->options());
}

std::unique_ptr<runtime::ImageGenerator> open_axial_generator(const runtime::ImageSource& source,
                                                              const Json& sampling,
                                                              const runtime::Compute& compute) {
  const auto refuse = [](bool given, const char* option) {
    if (given)
      fail<UsageError>("{}: means nothing to an {}, which generates pixels", option, AxialOptions::kName);
  };
  refuse(source.vae.has_value(), "--vae");
  refuse(source.drafter.has_value(), "--drafter");
  refuse(source.refiner.has_value(), "--refiner");
  refuse(source.draft_steps.has_value(), "--draft-steps");
  refuse(source.teacher.has_value(), "--teacher");
  const auto folder = find_model_folder(source.model);
  if (!folder)
    fail<CheckpointError>("{}: no config.json, expected a run directory or a model folder",
                          source.model.string());
  auto model = open_axial(*folder, compute.dtype);
  // Without classes the names in the folder are those of the data.
  PictureFacts facts{{}, folder->facts.channels};
  if (model->options().class_num > 0) facts = PictureFacts::of(*folder, model->options().class_num);
  return std::make_unique<AxialGenerator>(std::move(model), std::move(facts), sampling, folder->sampling,
                                          folder->path.string(), compute);
}

std::unique_ptr<runtime::ImageGenerator> random_axial_generator(const std::vector<Config>& models,
                                                                std::optional<int64_t>, const Json& sampling,
                                                                const runtime::Compute& compute,
                                                                const Json& defaults) {
  const auto& section = models.front();
  const auto options = model_options<AxialOptions>(section);
  if (const auto why = unpictured(options)) section.at(why->key).reject(why->text);
  auto model = build_for_inference<Axial>(options, compute.dtype);
  model->initialise();
  return std::make_unique<AxialGenerator>(std::move(model), PictureFacts{{}, options.img_channels}, sampling,
                                          defaults, section.name(), compute);
}

}  // namespace arzoo::image
