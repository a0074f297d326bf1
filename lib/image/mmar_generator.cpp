#include "image/mmar_generator.h"

#include <torch/torch.h>

#include "image/latent_parts.h"

namespace arzoo::image {
namespace {

std::shared_ptr<Mmar> load_mmar_weights(const MmarOptions& options, const runtime::NamedTensors& weights,
                                        at::ScalarType type) {
  auto model = build_for_inference<Mmar>(options, type);
  runtime::load_strictly(*model, weights, weights.where());
  return model;
}

/// A reconstruction: no published file is of this form.
MmarOptions no_published_mmar(const runtime::NamedTensors& weights) {
  fail<CheckpointError>(
      "{}: no published weights of an mmar are known, expected a run directory or a model folder",
      weights.where());
}

}  // namespace

MmarGenerator::MmarGenerator(const LatentParts<Mmar>& parts, const std::vector<std::string>& texts,
                             const Json& asked, const runtime::Compute& compute)
    : LatentGenerator(parts.vae, compute),
      model_(parts.model),
      sampling_(mmar_sampling(asked, parts.defaults)),
      texts_(texts) {
  if (texts.empty() && parts.found.folder) nouns_ = parts.found.folder->classes;
  if (!nouns_.empty()) grammar_.emplace(model_->options(), nouns_);
  // Where nobody says one, all captions there are.
  if (texts.empty()) texts_ = grammar_ ? grammar_->all() : std::vector<std::string>{""};
  auto with_none = texts_;
  with_none.emplace_back();
  captions_ = captions_of_texts(model_->options(), with_none);
  auto found = parts.found;
  // The folder's classes are words of captions here.
  if (found.folder) found.folder->classes.clear();
  prepare(found, *model_, model_->options().img_size, compute);
  settings_["cfg"] = sampling_.cfg;
  settings_["cfg_schedule"] = sampling_.linear_cfg ? "linear" : "constant";
  settings_["steps"] = sampling_.num_iter;
  settings_["denoising_steps"] = sampling_.num_sampling_steps;
  settings_["denoising_solver"] = nn::name_of(sampling_.solver);
  if (sampling_.clip > 0.0) settings_["clip"] = sampling_.clip;
}

void MmarGenerator::edit(const at::Tensor&, const at::Tensor&) {
  fail<UsageError>("--edit: an mmar generates whole pictures of captions (a mar or a himar edits)");
}

at::Tensor MmarGenerator::latents(const runtime::ImageBatch& batch, const LatentWatcher& watcher) const {
  const Captions own{captions_.words.index_select(0, batch.labels).to(device_),
                     captions_.lengths.index_select(0, batch.labels).to(device_)};
  return sample_mmar_latents(*model_, own, batch.seeds, sampling_, watcher);
}

at::Tensor MmarGenerator::nouns_of(const at::Tensor& labels) const {
  return grammar_ ? labels.div(kLooks, "floor") : labels;
}

std::vector<CaptionMatch> MmarGenerator::caption_matches(const at::Tensor& images,
                                                         const at::Tensor& labels) const {
  if (!grammar_) return {};
  const auto matches = grammar_->matches(images * 2.0 - 1.0, labels);
  const auto unseen = grammar_->is_unseen(captions_.words.index_select(0, labels));
  std::vector<CaptionMatch> shares;
  const auto add = [&](const std::string& prefix, const at::Tensor& rows) {
    const auto share = [&](const char* name, const at::Tensor& flags) {
      shares.push_back({prefix + name, flags.sum().item<int64_t>(), flags.size(0)});
    };
    share("light_match", rows.select(1, 0));
    share("breadth_match", rows.select(1, 1));
    share("attributes_match", rows.all(1));
  };
  add("", matches);
  if (unseen.any().item<bool>()) add("unseen_", matches.index_select(0, unseen.nonzero().squeeze(1)));
  return shares;
}

LatentParts<Mmar> open_mmar_parts(const runtime::ImageSource& source, at::ScalarType type) {
  return open_parts(found_alone<MmarOptions>(source), source, type, &no_published_mmar, &load_mmar_weights);
}

std::unique_ptr<runtime::ImageGenerator> open_mmar_generator(const runtime::ImageSource& source,
                                                             const Json& sampling,
                                                             const runtime::Compute& compute) {
  return std::make_unique<MmarGenerator>(open_mmar_parts(source, compute.dtype), source.texts, sampling,
                                         compute);
}

std::unique_ptr<runtime::ImageGenerator> random_mmar_generator(const std::vector<Config>& models,
                                                               std::optional<int64_t>, const Json& sampling,
                                                               const runtime::Compute& compute,
                                                               const Json& defaults) {
  return std::make_unique<MmarGenerator>(
      random_parts<Mmar, MmarOptions>(models.front(), compute.dtype, defaults), std::vector<std::string>{},
      sampling, compute);
}

}  // namespace arzoo::image
