#include "image/llamagen_experiment.h"

#include <torch/torch.h>

#include "core/seeded_random.h"
#include "core/zoo.h"
#include "image/draft_replay.h"
#include "image/fixture.h"
#include "image/llamagen_generator.h"
#include "image/model_folder.h"
#include "image/picture_report.h"
#include "image/token_scores.h"
#include "image/trained_tokenizer.h"
#include "nn/exponential_race.h"
#include "runtime/generation_options.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"

namespace arzoo::image {

using runtime::Split;

LlamaGenExperiment::LlamaGenExperiment(const Config& config, const runtime::Compute& compute)
    : PictureExperiment(config, compute, model_options<LlamaGenOptions>(config.at("model")).pixels()),
      options_(model_options<LlamaGenOptions>(config.at("model"))),
      seed_(config.json().at("seed").get<int64_t>()),
      vae_(load_llamagen_vq(options_.vae,
                            trained_tokenizer(config, options_.vae, LlamaGenVqOptions::of_training()))),
      model_(runtime::build_module<LlamaGen, LlamaGenOptions>(config.at("model"))),
      tokens_([this](const at::Tensor& images) { return vae_->tokens(images).flatten(1).to(at::kInt); },
              loader_, config, compute) {
  if (options_.vocab_size != options_.vae.codebook_size)
    config.at("model")
        .at("vocab_size")
        .reject(fmt::format("{} codes, but model.vae has a codebook_size of {}", options_.vocab_size,
                            options_.vae.codebook_size));
  model_->initialise();
  open_captions(config);
  vae_->to(compute.device);
  model_->to(compute.device);
}

void LlamaGenExperiment::open_captions(const Config& config) {
  const auto data = config.at("data");
  if (!options_.by_caption()) {
    if (!data.text("captions").empty())
      data.at("captions").reject("captions, but the model_type is c2i, expected t2i");
    return loader_.data().check_labels(config.at("model").at("num_classes"));
  }
  const auto open = [&](const char* key, std::optional<CaptionFeatures>& captions, int64_t pictures) {
    captions.emplace(data.text(key), model_->null_caption());
    if (captions->size() != pictures)
      data.at(key).reject(
          fmt::format("{} captions, expected one for each of {} pictures", captions->size(), pictures));
  };
  if (data.text("captions").empty())
    data.at("captions").reject("a t2i model needs the features of the pictures' captions");
  open("captions", captions_, loader_.data().pictures(Split::train));
  if (!data.text("test_captions").empty())
    open("test_captions", test_captions_, loader_.data().pictures(Split::test));
}

LlamaGenCondition LlamaGenExperiment::condition(const at::Tensor& labels, Split split) const {
  if (!captions_) return {.labels = labels};
  return (split == Split::test && test_captions_ ? *test_captions_ : *captions_).of(labels);
}

runtime::Losses LlamaGenExperiment::loss(int64_t batch) {
  const auto tokens = tokens_.training(batch);
  auto losses = model_->loss(condition(tokens.labels, Split::train), tokens.codes.to(at::kLong));
  losses.samples = static_cast<double>(tokens.labels.size(0));
  return losses;
}

runtime::Metrics LlamaGenExperiment::evaluate(Split split) {
  if (split == Split::test && captions_ && !test_captions_) return {};
  model_->eval();
  TokenScores scores(options_.block_size);
  tokens_.each(split, [&](const CodeBatch& tokens) {
    const auto ids = tokens.codes.to(at::kLong);
    scores.add(model_->forward(condition(tokens.labels, split), ids), ids);
  });
  if (scores.empty()) return {};
  auto metrics = scores.metrics();
  // The last scale is the only one.
  std::erase_if(metrics, [](const auto& metric) { return metric.first == "Lt" || metric.first == "Acct"; });
  return metrics;
}

void LlamaGenExperiment::save(const std::filesystem::path& folder) {
  auto own = description(folder);
  own.sampling = loader_.evaluation().sampling;
  if (captions_) own.classes.clear();
  runtime::save_model(own, *model_);
  Json tokenizer{{"name", LlamaGenVqOptions::kName}};
  tokenizer.update(arzoo::to_json(options_.vae));
  own.path = folder / "vae";
  own.model = tokenizer;
  runtime::save_model(own, *vae_, model_->parameters().front().scalar_type());
}

std::vector<ReportSection> LlamaGenExperiment::showcase() {
  const int64_t shown = loader_.evaluation().shown;
  if (shown == 0) return {};
  const torch::NoGradGuard no_grad;
  model_->eval();
  auto options = runtime::generation_options<LlamaGenGenerationOptions>({}, loader_.evaluation().sampling,
                                                                        LlamaGenOptions::kName);
  if (!options_.can_guide()) options.cfg = 1.0;
  const int64_t kinds = captions_ ? captions_->size() : options_.num_classes;
  const auto labels = at::arange(shown, at::kLong).remainder_(kinds).to(compute_.device);
  nn::ExponentialRace random_inputs(
      item_seeds(static_cast<uint64_t>(seed_), 0, static_cast<std::size_t>(shown)));
  const LlamaGenSampler sampler(*vae_, *model_);
  const auto ids = sampler.tokens(condition(labels, Split::train), llamagen_sampling(options), random_inputs);
  return {{"Samples",
           {report_grid(sampler.pictures(ids).cpu(), loader_.data().channels(), std::min(shown, kinds),
                        fmt::format("one column per {}, from the first on; cfg {}",
                                    captions_ ? "caption" : "class", options.cfg))}}};
}

}  // namespace arzoo::image

namespace arzoo::runtime {

template <>
const ModelEntry& entry<image::LlamaGenOptions>() {
  static const ModelEntry entry{
      .name = image::LlamaGenOptions::kName,
      .build = &build_any<image::LlamaGen, image::LlamaGenOptions>,
      .experiment = &make_experiment<image::LlamaGenExperiment>,
      .images = {.recognises = &image::is_llamagen,
                 .open = &image::open_llamagen_generator,
                 .random = &image::random_llamagen_generator,
                 .captions = true},
      .replays = {{"llamagen", image::replay_llamagen_case}, {"lantern", image::replay_acceptance}},
  };
  return entry;
}

}  // namespace arzoo::runtime
