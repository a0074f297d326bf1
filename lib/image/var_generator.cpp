#include "image/var_generator.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "image/known_tokens.h"
#include "image/latent_source.h"
#include "runtime/generation_options.h"
#include "runtime/memory_budget.h"
#include "runtime/parameter_count.h"

namespace arzoo::image {
namespace {

/// The transformers of a source, the drafter first.
std::vector<OpenedVar> open_models(const runtime::ImageSource& source, at::ScalarType type) {
  const bool shared = source.drafter || source.refiner;
  if (shared && !source.draft_steps) {
    fail<UsageError>(
        "--draft-steps is needed with --drafter or --refiner: how many scales the drafter generates");
  }
  if (!shared && source.draft_steps) fail<UsageError>("--draft-steps needs a --drafter or a --refiner");
  if (source.drafter && source.refiner && !source.model.empty())
    fail<UsageError>("--model has nothing to do beside --drafter and --refiner: leave one of the three out");
  std::vector<OpenedVar> opened;
  opened.push_back(source.drafter ? open_var(*source.drafter, "", type)
                                  : open_var(source.model, model_state_dict(source), type));
  if (shared)
    opened.push_back(source.refiner ? open_var(*source.refiner, "", type)
                                    : open_var(source.model, model_state_dict(source), type));
  return opened;
}

/// A model of memory that is filled in a moment.
template <class Model, class Options>
std::shared_ptr<Model> blank(const Options& options, at::ScalarType type) {
  auto model = std::make_shared<Model>(options);
  model->set_type(type);
  for (auto& parameter : model->parameters()) parameter.requires_grad_(false);
  return model;
}

/// A list as it was given, or the one value that it holds.
template <class T>
Json list_or_value(const std::vector<T>& list) {
  return list.size() == 1 ? Json(list.front()) : Json(list);
}

/// Tells a watcher of each scale.
class ScaleReport : public SamplingObserver {
 public:
  ScaleReport(const runtime::StepWatcher& watcher, std::function<at::Tensor(const at::Tensor&)> decode)
      : watcher_(watcher), decode_(std::move(decode)) {}

  void on_scale(std::size_t scale, const at::Tensor&, const at::Tensor& f_hat, const at::Tensor&) override {
    watcher_(static_cast<int64_t>(scale), [&] { return decode_(f_hat); });
  }
  // One model's caches are gone when the next begins.
  void on_cached(int64_t bytes) override { cached_ = std::max(cached_, bytes); }
  int64_t cached() const { return cached_; }

 private:
  int64_t cached_ = 0;
  const runtime::StepWatcher& watcher_;
  std::function<at::Tensor(const at::Tensor&)> decode_;
};

}  // namespace

VarParts open_parts(const runtime::ImageSource& source, at::ScalarType type) {
  VarParts parts{open_models(source, type), nullptr, source.draft_steps};
  parts.vae = open_tokenizer(parts.main(), source.vae, type, source.state_dict);
  return parts;
}

VarParts random_parts(const std::vector<Config>& models, std::optional<int64_t> draft_steps,
                      at::ScalarType type) {
  VarParts parts{{}, nullptr, draft_steps};
  for (const auto& section : models) {
    const auto options = model_options<VarOptions>(section);
    const auto model = runtime::within_memory(section, [&] { return blank<Var>(options, type); });
    model->initialise(options.alng);
    parts.models.push_back({model, std::nullopt, section.name()});
  }
  parts.vae = blank<Vqvae>(parts.models.front().model->options().vae, type);
  parts.vae->initialise();
  return parts;
}

VarGenerator::VarGenerator(VarParts parts, const Json& asked, const runtime::Compute& compute)
    : vae_(parts.vae), device_(compute.device) {
  const auto& opened = parts.models;
  for (const auto& part : opened) models_.push_back(part.model);
  const auto& main = parts.main();
  sampler_.emplace(*vae_, first());
  if (models_.size() == 2) sampler_->refine_with(*models_.back(), parts.draft_steps.value_or(0));
  auto defaults = parts.defaults;
  if (main.folder) {
    defaults = main.folder->sampling;
    facts_ = PictureFacts::of(*main.folder, classes());
  }
  settings_["model"] = VarOptions::kName;
  settings_["weights"] = opened.front().file.string();
  if (models_.size() == 2) {
    settings_["refiner"] = opened.back().file.string();
    settings_["draft_steps"] = *parts.draft_steps;
  }
  read_options(runtime::generation_options<VarGenerationOptions>(asked, defaults, VarOptions::kName));
  prepare(compute);
}

int64_t VarGenerator::side() const { return first().grids().back().height * vae_->options().downsampling(); }

void VarGenerator::read_options(const VarGenerationOptions& options) {
  const auto scales = first().grids().size();
  const auto check = [&](const auto& list, const char* option) {
    if (list.size() > scales)
      fail<UsageError>("{}: {} values, the model has {} scales", option, list.size(), scales);
  };
  check(options.top_k, "--top-k");
  check(options.top_p, "--top-p");
  check(options.temperature, "--temperature");
  check(options.depth_schedule, "--depth-schedule");
  check(options.prune, "--prune");
  sampling_ = var_sampling(options, scales);
  for (const int64_t depth : options.depth_schedule) {
    if (depth < 1 || depth > first().options().depth)
      fail<UsageError>("--depth-schedule: {} blocks, the model has {}", depth, first().options().depth);
  }
  settings_["cfg"] = options.cfg;
  settings_["top_k"] = list_or_value(options.top_k);
  settings_["top_p"] = list_or_value(options.top_p);
  settings_["temperature"] = list_or_value(options.temperature);
  if (options.smooth) settings_["more_smooth"] = true;
  if (!options.depth_schedule.empty()) settings_["depth_schedule"] = sampling_.depths;
  if (!options.prune.empty()) settings_["prune"] = sampling_.pruned;
}

void VarGenerator::prepare(const runtime::Compute& compute) {
  const auto all = std::make_shared<torch::nn::Module>();
  for (std::size_t i = 0; i < models_.size(); ++i) all->register_module(fmt::format("{}", i), models_[i]);
  parameters_ = runtime::count_parameters(*all).all + runtime::count_parameters(*vae_).all;
  settings_["dtype"] = runtime::precision_name(compute);
  quantized_ = make_ready(*all, *vae_, compute);
}

void VarGenerator::edit(const at::Tensor& picture, const at::Tensor& paint) {
  const auto on_device = picture.to(device_);
  edit_ = std::make_unique<Edit>(Edit{tokens_outside(*vae_, first().grids(), on_device, paint),
                                      on_device.add(1.0).mul_(0.5),
                                      paint.to(device_).view({1, 1, paint.size(0), paint.size(1)})});
  sampler_->keep(&edit_->tokens);
}

at::Tensor VarGenerator::sample(const runtime::ImageBatch& batch, const runtime::StepWatcher& watcher) const {
  const torch::NoGradGuard no_grad;
  const kernels::QuantizedScope scope(quantized_.get());
  const auto decode = [this](const at::Tensor& f_hat) {
    auto pictures = sampler_->pictures(f_hat);
    // What is not generated anew is the given picture itself, not what the tokenizer makes of it.
    if (edit_) pictures = at::where(edit_->paint, pictures, edit_->picture);
    return pictures.cpu();
  };
  nn::SeededRandomInputs random_inputs(batch.seeds);
  ScaleReport report(watcher, decode);
  const auto features = sampler_->features(batch.labels.to(device_), sampling_, random_inputs, &report);
  cache_bytes_ = report.cached();
  return decode(features);
}

bool is_var(const std::filesystem::path& path) { return find_model(path, "").name == VarOptions::kName; }

std::unique_ptr<runtime::ImageGenerator> open_var_generator(const runtime::ImageSource& source,
                                                            const Json& sampling,
                                                            const runtime::Compute& compute) {
  if (source.teacher) fail<UsageError>("--teacher: {} is no student", source.model.string());
  return std::make_unique<VarGenerator>(open_parts(source, compute.dtype), sampling, compute);
}

std::unique_ptr<runtime::ImageGenerator> random_var_generator(const std::vector<Config>& models,
                                                              std::optional<int64_t> draft_steps,
                                                              const Json& sampling,
                                                              const runtime::Compute& compute,
                                                              const Json& defaults) {
  auto parts = random_parts(models, draft_steps, compute.dtype);
  parts.defaults = defaults;
  return std::make_unique<VarGenerator>(std::move(parts), sampling, compute);
}

}  // namespace arzoo::image
