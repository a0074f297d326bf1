#include "image/mmar_experiment.h"

#include <torch/torch.h>

#include <cmath>

#include "core/zoo.h"
#include "image/fixture.h"
#include "image/latent_tokens.h"
#include "image/mmar_generator.h"
#include "image/mmar_sampling.h"
#include "nn/masked_generator.h"
#include "nn/seeded_noise.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"
#include "runtime/training_options.h"

namespace arzoo::image {
namespace {

MmarOptions mmar_options(const Config& config) { return model_options<MmarOptions>(config.at("model")); }

at::Tensor masked_of(const at::Tensor& orders, int64_t masked) {
  return nn::keep_all_but_first(orders, masked).masked();
}

/// What is right in the captions that a model writes.
class SaidRight {
 public:
  /// said: [B, W] ids; words: the captions, [B, 4]; unseen: [B] bool.
  void add(const at::Tensor& said, const at::Tensor& words, const at::Tensor& unseen) {
    const int64_t missing = std::max<int64_t>(0, words.size(1) - said.size(1));
    const auto same = at::constant_pad_nd(said, {0, missing}).narrow(1, 0, words.size(1)).eq(words);
    const auto all = same.all(1);
    same_.push_back(at::cat({same.narrow(1, 1, 3), all.unsqueeze(1)}, 1).cpu());
    unseen_.push_back(all.masked_select(unseen).cpu());
  }

  void into(runtime::Metrics& metrics) const {
    const auto shares = at::cat(same_).to(at::kDouble).mean(0);
    int64_t column = 0;
    for (const auto* name : {"said_light", "said_breadth", "said_class", "said_all"})
      metrics.emplace_back(name, shares[column++].item<double>());
    if (const auto unseen = at::cat(unseen_); unseen.numel() > 0)
      metrics.emplace_back("said_unseen", unseen.to(at::kDouble).mean().item<double>());
  }

 private:
  std::vector<at::Tensor> same_, unseen_;
};

}  // namespace

MmarExperiment::MmarExperiment(const Config& config, const runtime::Compute& compute)
    : LatentExperiment(config, compute, mmar_options(config).img_size, mmar_options(config).vae,
                       {.measure = &measured_look}),
      options_(mmar_options(config)),
      model_(runtime::build_module<Mmar, MmarOptions>(config.at("model"))) {
  const auto training = runtime::training_options(config);
  steps_ = training.max_steps ? *training.max_steps * training.accumulation_steps
                              : training.epochs * batches_per_epoch();
  const auto median = [&](double given, int64_t column) {
    if (given > 0.0) return given;
    return measured_of_training().select(1, column).median().item<double>();
  };
  options_.brightness = median(options_.brightness, 0);
  options_.breadth = median(options_.breadth, 1);
  grammar_ = std::make_unique<CaptionGrammar>(options_, loader_.data().class_names());
  model_->initialise();
  model_->to(compute.device);
}

int64_t MmarExperiment::sampled_masked(int64_t batch) const {
  const int64_t tokens = options_.tokens();
  const bool first = static_cast<double>(batch) < options_.stage1_share * static_cast<double>(steps_);
  if (first) return nn::sample_masked_count(tokens, options_.stage1_mask_min);
  const double share = at::rand({}, at::kDouble).item<double>();
  return std::clamp<int64_t>(std::llround(std::ceil(static_cast<double>(tokens) * share)), 1, tokens);
}

at::Tensor MmarExperiment::seen(const at::Tensor& words) const {
  const auto places = at::arange(words.size(0), words.options());
  const auto unseen = grammar_->is_unseen(words);
  const auto rest = places.masked_select(unseen.logical_not());
  if (rest.numel() == 0)
    fail<DataError>(
        "a batch of {} pictures with unseen captions alone, expected others among them (a larger "
        "batch_size)",
        words.size(0));
  return at::where(unseen, rest.index_select(0, places.remainder(rest.numel())), places);
}

runtime::Losses MmarExperiment::loss(int64_t batch) {
  const auto pictures = training(batch);
  const int64_t samples = pictures.labels.size(0), half = std::max<int64_t>(1, samples / 2);
  const auto measured = grammar_->captions(pictures.labels, pictures.measured);
  const auto places = seen(measured.words);
  const auto tokens = tokens_of_grid(pictures.latents).index_select(0, places);
  const Captions captions{measured.words.index_select(0, places), measured.lengths.index_select(0, places)};
  const auto part = [&](int64_t first, int64_t count) {
    return Captions{captions.words.narrow(0, first, count), captions.lengths.narrow(0, first, count)};
  };
  const auto dropped = at::rand({half}).lt(options_.caption_drop_prob);
  const auto masked = masked_of(nn::random_orders(half, options_.tokens()), sampled_masked(batch));
  const auto image = model_->image_loss(tokens.narrow(0, 0, half), part(0, half).without(dropped),
                                        masked.to(tokens.device()));
  // Of a single picture both directions are trained.
  const int64_t first = samples > 1 ? half : 0;
  const auto text =
      model_->text_errors(tokens.narrow(0, first, samples - first), part(first, samples - first)).mean();
  return {.total = image + text,
          .parts = {{"image", image.detach()}, {"text", text.detach()}},
          .samples = static_cast<double>(samples)};
}

runtime::Metrics MmarExperiment::evaluate(runtime::Split split) {
  model_->eval();
  double image = 0.0, text = 0.0, pictures = 0.0;
  SaidRight right;
  each(split, [&](const LatentBatch& batch, int64_t number) {
    const int64_t samples = batch.labels.size(0), tokens = options_.tokens(),
                  rows = samples * tokens * options_.diffusion_batch_mul;
    auto generator = evaluation_generator(number);
    const auto latents = tokens_of_grid(batch.latents);
    const auto captions = grammar_->captions(batch.labels, batch.measured);
    const auto masked =
        masked_of(nn::random_orders(samples, tokens, generator), (tokens + 1) / 2).to(latents.device());
    const auto t = at::randint(nn::DiffusionSchedule::kDiffusionSteps, {rows}, generator, at::kLong);
    const auto noise = at::randn({rows, latents.size(2)}, generator, at::kFloat);
    const auto weight = static_cast<double>(samples);
    image += model_->image_loss(latents, captions, masked, t, noise).item<double>() * weight;
    text += model_->text_errors(latents, captions).mean().item<double>() * weight;
    pictures += weight;
    if (split != runtime::Split::test) return;
    // One id more, for the end.
    const auto said = describe_tokens(*model_, latents, captions.words.size(1) + 1);
    right.add(said, captions.words, grammar_->is_unseen(captions.words));
  });
  if (pictures == 0.0) return {};
  runtime::Metrics metrics{
      {"loss", (image + text) / pictures}, {"image", image / pictures}, {"text", text / pictures}};
  if (split == runtime::Split::test) right.into(metrics);
  return metrics;
}

at::Tensor MmarExperiment::sample(const at::Tensor& labels, const std::vector<uint64_t>& seeds) {
  // Half of a class's pictures are dark and narrow, half bright and wide.
  const auto turn = at::arange(labels.size(0), labels.options()).div(classes(), "floor").remainder(2);
  const auto look = turn.to(at::kFloat).unsqueeze(1).expand({-1, 2}).mul(2.0);
  return sample_mmar_latents(*model_, grammar_->captions(labels, look), seeds, mmar_sampling({}, sampling()));
}

void MmarExperiment::describe(Json& model) const {
  model["brightness"] = options_.brightness;
  model["breadth"] = options_.breadth;
}

}  // namespace arzoo::image

namespace arzoo::runtime {

template <>
const ModelEntry& entry<image::MmarOptions>() {
  static const ModelEntry entry{
      .name = image::MmarOptions::kName,
      .build = &build_any<image::Mmar, image::MmarOptions>,
      .experiment = &make_experiment<image::MmarExperiment>,
      .images = {.recognises = nullptr,
                 .open = &image::open_mmar_generator,
                 .random = &image::random_mmar_generator,
                 .texts = true},
      .replays = {{"mmar", image::replay_mmar}, {"mmar_head", image::replay_mmar_head}},
  };
  return entry;
}

}  // namespace arzoo::runtime
