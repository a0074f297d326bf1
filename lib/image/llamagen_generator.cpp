#include "image/llamagen_generator.h"

#include <torch/torch.h>

#include <algorithm>
#include <map>

#include "core/zoo.h"
#include "image/known_tokens.h"
#include "image/trained_tokenizer.h"
#include "image/weight_shapes.h"
#include "kernels/packed_weights.h"
#include "nn/exponential_race.h"
#include "runtime/generation_options.h"
#include "runtime/memory_budget.h"
#include "runtime/parameter_count.h"

namespace arzoo::image {
namespace {

/// A model of memory that is filled in a moment.
template <class Model, class Options>
std::shared_ptr<Model> blank_llamagen(const Options& options, at::ScalarType type) {
  auto model = std::make_shared<Model>(options);
  model->set_type(type);
  for (auto& parameter : model->parameters()) parameter.requires_grad_(false);
  return model;
}

/// A smaller LlamaGen, or an EAGLE head.
OpenedDrafter open_drafter(const std::filesystem::path& path, at::ScalarType type) {
  const auto found = find_model(path, "");
  if (found.name != EagleOptions::kName) return {path, open_llamagen(path, "", type).model, nullptr};
  const auto options = runtime::options_in<EagleOptions>(*found.folder);
  auto head = build_for_inference<EagleHead>(options, type);
  const auto weights = runtime::open_tensors(found.file);
  runtime::load_strictly(*head, weights, weights.where());
  return {path, nullptr, head};
}

void refuse_other_options(const runtime::ImageSource& source) {
  const std::pair<bool, const char*> others[] = {{source.draft_steps.has_value(), "--draft-steps"},
                                                 {source.refiner.has_value(), "--refiner"},
                                                 {source.teacher.has_value(), "--teacher"}};
  for (const auto& [given, option] : others) {
    if (given) fail<UsageError>("{}: means nothing to a llamagen", option);
  }
}

}  // namespace

LlamaGenGenerator::LlamaGenGenerator(LlamaGenParts parts, const Json& asked, const runtime::Compute& compute)
    : model_(parts.model), vae_(parts.vae), device_(compute.device) {
  sampler_.emplace(*vae_, *model_);
  const bool by_caption = model_->options().by_caption();
  if (by_caption != parts.captions.has_value())
    fail<UsageError>("--captions: {}", by_caption ? "needed, the model generates from captions' features"
                                                  : "means nothing to a model that generates from classes");
  settings_["model"] = LlamaGenOptions::kName;
  settings_["weights"] = parts.found.file.string();
  if (parts.captions) {
    captions_.emplace(*parts.captions, model_->null_caption());
    settings_["captions"] = parts.captions->string();
  }
  if (parts.found.folder) {
    parts.defaults = parts.found.folder->sampling;
    facts_ = PictureFacts::of(*parts.found.folder, by_caption ? 0 : classes());
  }
  if (parts.drafter) {
    drafter_ = *parts.drafter;
    settings_["drafter"] = drafter_.file.string();
  }
  read_options(
      runtime::generation_options<LlamaGenGenerationOptions>(asked, parts.defaults, LlamaGenOptions::kName));
  const auto all = std::make_shared<torch::nn::Module>();
  all->register_module("model", model_);
  if (drafter_.model != nullptr) all->register_module("drafter", drafter_.model);
  if (drafter_.head != nullptr) all->register_module("head", drafter_.head);
  parameters_ = runtime::count_parameters(*all).all + runtime::count_parameters(*vae_).all;
  settings_["dtype"] = runtime::precision_name(compute);
  if (compute.quantizes()) kernels::pack_quantized_for_inference(*all, compute.quantization);
  quantized_ = make_ready(*all, *vae_, compute);
}

void LlamaGenGenerator::read_options(const LlamaGenGenerationOptions& options) {
  sampling_ = llamagen_sampling(options);
  if (sampling_.guidance.any() && !model_->options().can_guide())
    fail<UsageError>("--cfg: {}, but the model knows no null class, expected at most 1", options.cfg);
  settings_["cfg"] = options.cfg;
  if (options.cfg_interval >= 0) settings_["cfg_interval"] = options.cfg_interval;
  settings_["top_k"] = options.top_k;
  settings_["top_p"] = options.top_p;
  settings_["temperature"] = options.temperature;
  read_drafts(options);
}

void LlamaGenGenerator::check_drafter(const std::string& decode) const {
  const bool speculative = decode == "speculative", eagle = decode == "eagle";
  if (drafter_.file.empty()) {
    if (speculative || eagle)
      fail<UsageError>("--drafter: needed for --decode {}: {}", decode,
                       eagle ? "an eagle of the model" : "a smaller llamagen");
    return;
  }
  if (!speculative && !eagle)
    fail<UsageError>("--drafter: means nothing to a llamagen without --decode speculative or eagle");
  if (eagle != (drafter_.head != nullptr))
    fail<UsageError>("--drafter: {}: {}, expected {} for --decode {}", drafter_.file.string(),
                     eagle ? "a llamagen" : "an eagle", eagle ? "an eagle" : "a llamagen", decode);
  const auto &own = model_->options(),
             &small = eagle ? drafter_.head->options().target : drafter_.model->options();
  if (own.vocab_size != small.vocab_size || own.block_size != small.block_size ||
      own.num_classes != small.num_classes || own.by_caption() != small.by_caption() ||
      (eagle && own.dim != small.dim))
    fail<UsageError>(
        "--drafter: {}: of {} codes, {} tokens and {} classes{}, expected {}, {} and {}{} as the "
        "model has (another model's drafter)",
        drafter_.file.string(), small.vocab_size, small.block_size, small.num_classes,
        eagle ? fmt::format(", {} wide", small.dim) : "", own.vocab_size, own.block_size, own.num_classes,
        eagle ? fmt::format(", {} wide", own.dim) : "");
}

void LlamaGenGenerator::read_drafts(const LlamaGenGenerationOptions& options) {
  check_drafter(options.decode);
  if (options.relax > 0 && options.decode != "eagle")
    fail<UsageError>("--relax: means nothing without --decode eagle");
  if (options.decode == "one_by_one") return;
  settings_["decode"] = options.decode;
  const std::map<std::string, nn::FreshDraft> fresh{
      {"random", nn::FreshDraft::random}, {"left", nn::FreshDraft::left}, {"upper", nn::FreshDraft::upper}};
  drafts_ = LlamaGenDrafts{.decode = options.decode,
                           .window = options.window,
                           .fresh = fresh.at(options.fresh),
                           .drafts = options.drafts,
                           .drafter = drafter_.model.get(),
                           .head = drafter_.head.get()};
  if (options.decode == "speculative") {
    settings_["drafts"] = options.drafts;
  } else if (options.decode == "eagle") {
    read_tree(options);
  } else {
    settings_["window"] = options.window;
    settings_["fresh"] = options.fresh;
  }
}

void LlamaGenGenerator::read_tree(const LlamaGenGenerationOptions& options) {
  const int64_t codes = model_->options().vocab_size;
  drafts_->tree = {.top_k = std::min(options.tree_top_k, codes),
                   .depth = options.tree_depth,
                   .total_token = options.tree_nodes};
  if (options.tree == "drawn") drafts_->tree.paths = drawn_paths(drafts_->tree);
  settings_["tree"] = {{"kind", options.tree},
                       {"top_k", drafts_->tree.top_k},
                       {"depth", options.tree_depth},
                       {"nodes", options.tree_nodes}};
  if (options.relax == 0.0) return;
  const int64_t near = std::min(options.relax_codes, codes - 2);
  auto nearest = nn::nearest_other_codes(vae_->quantizer().codebook().cpu(), near + 1);
  if (options.relax_shuffled) nearest = nn::shuffled_codes(nearest);
  drafts_->relaxation = {nearest, options.relax};
  settings_["relax"] = {{"lossy", true}, {"delta", options.relax}, {"codes", near}};
  if (options.relax_shuffled) settings_["relax"]["shuffled"] = true;
}

int64_t LlamaGenGenerator::classes() const {
  return captions_ ? captions_->size() : model_->options().num_classes;
}

LlamaGenCondition LlamaGenGenerator::condition(const at::Tensor& labels) const {
  const auto on_device = labels.to(device_);
  return captions_ ? captions_->of(on_device) : LlamaGenCondition{.labels = on_device};
}

void LlamaGenGenerator::edit(const at::Tensor& picture, const at::Tensor& paint) {
  const auto on_device = picture.to(device_);
  const int64_t side = model_->options().side();
  edit_ = std::make_unique<Edit>(
      Edit{{vae_->tokens(on_device).flatten(1), cells_outside(paint.to(device_), {side, side})},
           on_device.add(1.0).mul_(0.5),
           paint.to(device_).view({1, 1, paint.size(0), paint.size(1)})});
  sampler_->keep(&edit_->tokens);
}

at::Tensor LlamaGenGenerator::decoded(const at::Tensor& ids) const {
  auto pictures = sampler_->pictures(ids);
  // What is not generated anew is the given picture itself, not what the tokenizer makes of it.
  if (edit_) pictures = at::where(edit_->paint, pictures, edit_->picture);
  return pictures.cpu();
}

Json LlamaGenGenerator::decoding() const {
  if (!drafts_) return nullptr;
  return {{"passes", counts_.passes},
          {"drafter_passes", counts_.drafter_passes},
          {"tokens_per_pass", counts_.tokens_per_pass()},
          {"accepted_by_depth", counts_.accepted_shares()}};
}

at::Tensor LlamaGenGenerator::drafted_tokens(const runtime::ImageBatch& batch,
                                             const runtime::StepWatcher& watcher) const {
  const auto ids = tokens_with_drafts(*model_, condition(batch.labels), sampling_, *drafts_, batch.seeds,
                                      edit_ ? &edit_->tokens : nullptr, counts_);
  const int64_t side = model_->options().side();
  for (int64_t row = 0; row < side; ++row)
    watcher(row, [&] { return decoded(ids.narrow(1, 0, (row + 1) * side)); });
  return ids;
}

at::Tensor LlamaGenGenerator::tokens(const runtime::ImageBatch& batch,
                                     const runtime::StepWatcher& watcher) const {
  if (drafts_) return drafted_tokens(batch, watcher);
  const int64_t side = model_->options().side();
  nn::ExponentialRace random_inputs(batch.seeds);
  std::vector<at::Tensor> so_far;
  const auto watch = [&](const LlamaGenStep& step) {
    so_far.push_back(step.ids);
    if ((step.token + 1) % side == 0)
      watcher(step.token / side, [&] { return decoded(at::stack(so_far, 1)); });
  };
  return sampler_->tokens(condition(batch.labels), sampling_, random_inputs, watch);
}

at::Tensor LlamaGenGenerator::sample(const runtime::ImageBatch& batch,
                                     const runtime::StepWatcher& watcher) const {
  const torch::NoGradGuard no_grad;
  const kernels::QuantizedScope scope(quantized_.get());
  return decoded(tokens(batch, watcher));
}

bool is_llamagen(const std::filesystem::path& path) {
  return find_model(path, "").name == LlamaGenOptions::kName;
}

std::unique_ptr<runtime::ImageGenerator> open_llamagen_generator(const runtime::ImageSource& source,
                                                                 const Json& sampling,
                                                                 const runtime::Compute& compute) {
  refuse_other_options(source);
  auto opened = open_llamagen(source.model, model_state_dict(source), compute.dtype);
  LlamaGenParts parts{opened.found, opened.model,
                      open_llamagen_vq(opened.found, source.vae, compute.dtype, source.state_dict),
                      source.captions};
  if (source.drafter) parts.drafter = open_drafter(*source.drafter, compute.dtype);
  return std::make_unique<LlamaGenGenerator>(std::move(parts), sampling, compute);
}

std::unique_ptr<runtime::ImageGenerator> random_llamagen_generator(const std::vector<Config>& models,
                                                                   std::optional<int64_t>,
                                                                   const Json& sampling,
                                                                   const runtime::Compute& compute,
                                                                   const Json& defaults) {
  const auto& section = models.front();
  const auto options = model_options<LlamaGenOptions>(section);
  LlamaGenParts parts{.found = {.name = std::string(LlamaGenOptions::kName), .file = section.name()}};
  parts.model =
      runtime::within_memory(section, [&] { return blank_llamagen<LlamaGen>(options, compute.dtype); });
  parts.model->initialise();
  parts.vae = blank_llamagen<LlamaGenVq>(options.vae, compute.dtype);
  parts.vae->initialise();
  parts.defaults = defaults;
  return std::make_unique<LlamaGenGenerator>(std::move(parts), sampling, compute);
}

}  // namespace arzoo::image
