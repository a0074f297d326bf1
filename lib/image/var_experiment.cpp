#include "image/var_experiment.h"

#include <torch/torch.h>

#include "core/seeded_random.h"
#include "image/fixture.h"
#include "image/model_folder.h"
#include "image/picture_report.h"
#include "image/token_scores.h"
#include "image/trained_tokenizer.h"
#include "image/var_generator.h"
#include "image/var_sampler.h"
#include "image/var_source.h"
#include "runtime/generation_options.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"

namespace arzoo::image {
namespace {

/// The trained tokenizer, which must be the one that model.vae describes.
std::shared_ptr<Vqvae> load_tokenizer(const Config& config, const VqvaeOptions& options) {
  return load_vqvae(options, trained_tokenizer(config, options, {"l1_weight", "revive_every", "beta"}));
}

/// The side of the model's pictures.
int64_t pixels_of(const Config& model) {
  const auto options = model_options<VarOptions>(model);
  return options.patch_nums.back() * options.vae.downsampling();
}

}  // namespace

VarExperiment::VarExperiment(const Config& config, const runtime::Compute& compute)
    : PictureExperiment(config, compute, pixels_of(config.at("model"))),
      options_(model_options<VarOptions>(config.at("model"))),
      seed_(config.json().at("seed").get<int64_t>()),
      vae_(load_tokenizer(config, options_.vae)),
      model_(runtime::build_module<Var, VarOptions>(config.at("model"))),
      tokens_(*vae_, model_->grids(), loader_, config, compute) {
  loader_.data().check_labels(config.at("model").at("num_classes"));
  model_->initialise(options_.alng);
  vae_->to(compute.device);
  model_->to(compute.device);
}

SubNetwork VarExperiment::part(int64_t depth) const {
  return {options_.supernet.bridge_scales, nested_blocks(options_.depth, depth)};
}

std::optional<SubNetwork> VarExperiment::sampled_part(int64_t batch) const {
  const auto& supernet = options_.supernet;
  if (!supernet.trained()) return std::nullopt;
  const auto random_inputs = at::rand({2});
  if (random_inputs[0].item<double>() >= supernet.rate(batch / batches_per_epoch())) return std::nullopt;
  const auto count = static_cast<double>(supernet.depths.size());
  return part(supernet.depths.at(static_cast<std::size_t>(random_inputs[1].item<double>() * count)));
}

runtime::Losses VarExperiment::loss(int64_t batch) {
  const auto tokens = tokens_.training(batch);
  const auto sampled = sampled_part(batch);
  auto losses = model_->loss(tokens.labels, tokens.maps, tokens.targets, options_.label_smoothing, {},
                             sampled ? &*sampled : nullptr);
  losses.samples = static_cast<double>(tokens.labels.size(0));
  return losses;
}

runtime::Metrics VarExperiment::scores(runtime::Split split, const SubNetwork* part) {
  TokenScores scores(model_->grids().back().tokens());
  tokens_.each(split, [&](const TokenBatch& tokens) {
    scores.add(model_->forward(tokens.labels, tokens.maps, {}, nullptr, part), tokens.targets);
  });
  return scores.empty() ? runtime::Metrics{} : scores.metrics();
}

runtime::Metrics VarExperiment::evaluate(runtime::Split split) {
  model_->eval();
  auto metrics = scores(split, nullptr);
  if (metrics.empty() || !options_.supernet.trained()) return metrics;
  double sum = metrics.front().second;
  for (const int64_t depth : options_.supernet.depths) {
    const auto sub_network = part(depth);
    metrics.emplace_back(fmt::format("Lm_d{}", depth), scores(split, &sub_network).front().second);
    sum += metrics.back().second;
  }
  metrics.insert(metrics.begin(),
                 {"supernet", sum / static_cast<double>(options_.supernet.depths.size() + 1)});
  return metrics;
}

void VarExperiment::save(const std::filesystem::path& folder) {
  auto own = description(folder);
  own.sampling = loader_.evaluation().sampling;
  runtime::save_model(own, *model_);
  Json tokenizer{{"name", VqvaeOptions::kName}};
  tokenizer.update(arzoo::to_json(options_.vae));
  own.path = folder / "vae";
  own.model = tokenizer;
  runtime::save_model(own, *vae_, model_->parameters().front().scalar_type());
}

std::vector<ReportSection> VarExperiment::showcase() {
  const int64_t shown = loader_.evaluation().shown;
  if (shown == 0) return {};
  const torch::NoGradGuard no_grad;
  model_->eval();
  const auto sampling = var_sampling(
      runtime::generation_options<VarGenerationOptions>({}, loader_.evaluation().sampling, VarOptions::kName),
      model_->grids().size());
  const int64_t columns = std::min(shown, options_.num_classes);
  const auto labels = at::arange(shown, at::kLong).remainder_(options_.num_classes).to(compute_.device);
  nn::SeededRandomInputs random_inputs(
      item_seeds(static_cast<uint64_t>(seed_), 0, static_cast<std::size_t>(shown)));
  const VarSampler sampler(*vae_, *model_);
  const auto pictures = sampler.pictures(sampler.features(labels, sampling, random_inputs)).cpu();
  return {{"Samples",
           {report_grid(pictures, loader_.data().channels(), columns,
                        fmt::format("one column per class, from class 0 on; cfg {}", sampling.cfg_scale))}}};
}

}  // namespace arzoo::image

namespace arzoo::runtime {

template <>
const ModelEntry& entry<image::VarOptions>() {
  static const ModelEntry entry{
      .name = image::VarOptions::kName,
      .build = &build_any<image::Var, image::VarOptions>,
      .experiment = &make_experiment<image::VarExperiment>,
      .images = {&image::is_var, &image::open_var_generator, &image::random_var_generator},
      .replays = {{"var", image::replay_var_case},
                  {"var_code", image::replay_code},
                  {"nfig", image::replay_band_generation},
                  {"var_schedule", image::replay_schedules, /*on_cpu=*/true}},
      .weights = {.fp32 = true},
  };
  return entry;
}

}  // namespace arzoo::runtime
