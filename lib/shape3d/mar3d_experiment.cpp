#include "shape3d/mar3d_experiment.h"

#include <torch/torch.h>

#include "core/seeded_random.h"
#include "core/zoo.h"
#include "nn/seeded_noise.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"
#include "shape3d/farthest_points.h"
#include "shape3d/fixture.h"
#include "shape3d/latent_surface.h"
#include "shape3d/mar3d_generator.h"
#include "shape3d/shape_data.h"
#include "shape3d/shape_speed_work.h"

namespace arzoo::shape3d {
namespace {

constexpr int64_t kSides = 8;

ModelFolder tokenizer_folder(const Config& config) {
  const auto source = config.at("data").at("tokenizer");
  if (source.text().empty())
    source.reject("a mar3d needs the trained shape VAE (arzoo train configs/shape3d/shape_vae_*.json)");
  return open_model_folder(source.text());
}

Outlines outlines_of(const Config& config) {
  return {.sides = kSides, .pixels = model_options<Mar3dOptions>(config.at("model")).silhouette_pixels};
}

int64_t levels_of(const ModelFolder& folder) {
  return model_options<ShapeVaeOptions>(Config(folder.model, folder.path.string(), "/model")).levels();
}

/// Throws ConfigError unless the model's sizes are those of the tokenizer's tokens.
void check_sizes(const Config& config, const ShapeVaeOptions& vae) {
  const auto model = config.at("model");
  const auto options = model_options<Mar3dOptions>(model);
  const auto data = config.at("data").as<DataOptions>();
  const auto compare = [](const Config& at, int64_t value, int64_t wanted, const char* what) {
    if (value != wanted) at.reject(fmt::format("{}, but the tokenizer has {} {}", value, wanted, what));
  };
  compare(model.at("vae_embed_dim"), options.vae_embed_dim, vae.embed_dim, "channels");
  compare(model.at("lr").at("latent_size"), options.lr.latent_size,
          vae.tokens_of(data.surface_points / kLowResFactor), "tokens for a quarter of data.surface_points");
  compare(model.at("hr").at("latent_size"), options.hr.latent_size, vae.tokens_of(data.surface_points),
          "tokens for data.surface_points");
}

/// Flags that are true with this probability, from the default generator.
at::Tensor random_flags(int64_t count, double probability) { return at::rand({count}).lt(probability); }

/// The same random numbers for every evaluation, whatever the batch.
Mar3d::RandomInputs fixed_random_inputs(const Mar3dOptions& options, int64_t batch) {
  const auto generator = at::detail::createCPUGenerator(/*seed=*/17);
  const auto stage = [&](const ShapeMarOptions& of) {
    nn::MaskedRandomInputs random_inputs;
    const int64_t rows = of.diffusion_batch_mul * batch * of.latent_size;
    random_inputs.orders = nn::orders_of(at::rand({batch, of.latent_size}, generator));
    random_inputs.masked = std::max<int64_t>(1, of.latent_size * 3 / 4);
    random_inputs.label_drop = at::ones({batch});
    random_inputs.t =
        at::randint(nn::DiffusionSchedule::kDiffusionSteps, {rows}, generator, at::TensorOptions(at::kLong));
    random_inputs.noise = at::randn({rows, options.vae_embed_dim}, generator);
    return random_inputs;
  };
  Mar3d::RandomInputs random_inputs;
  random_inputs.lr = stage(options.lr);
  random_inputs.hr = stage(options.hr);
  random_inputs.augment_share = at::full({batch}, options.cond_aug_infer);
  random_inputs.augment_noise = at::randn({batch, options.lr.latent_size, options.vae_embed_dim}, generator);
  return random_inputs;
}

}  // namespace

Mar3dExperiment::Mar3dExperiment(const Config& config, const runtime::Compute& compute)
    : ShapeExperiment(config, compute, levels_of(tokenizer_folder(config)), outlines_of(config)),
      seed_(config.json().at("seed").get<int64_t>()),
      tokenizer_(tokenizer_folder(config)),
      vae_(load_shape_vae(tokenizer_, at::kFloat)),
      model_(runtime::build_module<Mar3d, Mar3dOptions>(config.at("model"))) {
  check_sizes(config, vae_->options());
  const auto classes = static_cast<int64_t>(loader_.data().class_names().size());
  if (classes > model_->options().class_num)
    config.at("model")
        .at("class_num")
        .reject(fmt::format("{}, but the shapes have {} classes", model_->options().class_num, classes));
  model_->initialise();
  model_->to(compute.device);
  vae_->to(compute.device);
}

at::Tensor Mar3dExperiment::encoded(const SurfaceClouds& clouds, bool sampled) const {
  const torch::NoGradGuard no_grad;
  auto moved = clouds;
  for (auto& level : moved.levels) level = level.to(compute_.device);
  moved.fps_start = corner_start(moved.levels.front().narrow(2, 0, 3));
  const auto posterior = vae_->encode(moved);
  return sampled ? posterior.sample(at::randn(posterior.mean.sizes()).to(compute_.device)) : posterior.mean;
}

Mar3dExperiment::Tokens Mar3dExperiment::tokens_of(const LabelledShapes& batch, bool all_given) {
  const int64_t count = batch.labels.size(0);
  const auto device = compute_.device;
  Tokens tokens{encoded(batch.low_res, !all_given), encoded(batch.shapes.clouds, !all_given), {}};
  model_->set_scale(tokens.high);
  const auto flags = [&] {
    return (all_given ? at::ones({count}, at::kBool) : random_flags(count, model_->options().given_prob))
        .to(device);
  };
  tokens.given = {batch.labels.to(device),
                  batch.silhouettes.to(device),
                  model_->scaled(encoded(batch.partial, false)),
                  flags(),
                  flags(),
                  flags()};
  return tokens;
}

void Mar3dExperiment::prepare(int64_t batch) {
  if (batch == 0) model_->set_scale(encoded(loader_.get(batch).shapes.clouds, false));
}

runtime::Losses Mar3dExperiment::loss(int64_t batch) {
  const auto tokens = tokens_of(loader_.get(batch), /*all_given=*/false);
  const auto loss = model_->loss(model_->scaled(tokens.low), model_->scaled(tokens.high), tokens.given);
  return {.total = loss.lr.mse + loss.lr.vb + loss.hr.mse + loss.hr.vb,
          .parts = {{"lr/mse", loss.lr.mse.detach()},
                    {"lr/vb", loss.lr.vb.detach()},
                    {"hr/mse", loss.hr.mse.detach()},
                    {"hr/vb", loss.hr.vb.detach()}},
          .samples = static_cast<double>(tokens.given.labels.size(0))};
}

runtime::Metrics Mar3dExperiment::evaluate(runtime::Split split) {
  if (loader_.data().size(split) == 0) return {};
  model_->eval();
  double total = 0.0, low = 0.0, high = 0.0;
  int64_t shapes = 0;
  loader_.each(split, [&](std::span<const int64_t>, const LabelledShapes& batch) {
    const auto tokens = tokens_of(batch, /*all_given=*/true);
    const int64_t count = batch.labels.size(0);
    const auto loss = model_->loss(model_->scaled(tokens.low), model_->scaled(tokens.high), tokens.given,
                                   fixed_random_inputs(model_->options(), count));
    const auto share = static_cast<double>(count);
    low += share * loss.lr.mse.item<double>();
    high += share * loss.hr.mse.item<double>();
    total += share * (loss.lr.mse + loss.lr.vb + loss.hr.mse + loss.hr.vb).item<double>();
    shapes += count;
  });
  const auto all = static_cast<double>(shapes);
  return {{"loss", total / all}, {"lr_mse", low / all}, {"hr_mse", high / all}};
}

void Mar3dExperiment::save(const std::filesystem::path& folder) {
  ShapeExperiment::save(folder);
  auto own = tokenizer_;
  own.path = folder / "vae";
  runtime::save_model(own, *vae_, model_->parameters().front().scalar_type());
}

std::vector<ReportSection> Mar3dExperiment::showcase() {
  const int64_t shown = loader_.evaluation().shown;
  if (shown == 0) return {};
  const torch::NoGradGuard no_grad;
  model_->eval();
  const auto options = Config(loader_.evaluation().sampling, "sampling").as<Mar3dGenerationOptions>();
  const auto classes = static_cast<int64_t>(loader_.data().class_names().size());
  Mar3d::Request request;
  request.given = GivenOfShape::of_classes(
      at::arange(shown, at::kLong).remainder_(classes).to(compute_.device), model_->options());
  request.seeds = item_seeds(static_cast<uint64_t>(seed_), 0, static_cast<std::size_t>(shown));
  request.sampling = sampling_of(options);
  const auto tokens = model_->sample(request);
  std::vector<std::vector<io::Mesh>> rows(1);
  for (int64_t i = 0; i < shown; ++i) {
    const auto surface =
        latent_surface(*vae_, tokens[i].unsqueeze(0), {.resolution = loader_.evaluation().resolution});
    rows[0].push_back(surface.mesh);
  }
  return {{"Samples", {mesh_rows(rows, fmt::format("one per class, from class 0 on; cfg {}", options.cfg))}}};
}

}  // namespace arzoo::shape3d

namespace arzoo::runtime {

template <>
const ModelEntry& entry<shape3d::Mar3dOptions>() {
  static const ModelEntry entry{
      .name = shape3d::Mar3dOptions::kName,
      .build = &build_any<shape3d::Mar3d, shape3d::Mar3dOptions>,
      .experiment = &make_experiment<shape3d::Mar3dExperiment>,
      .shapes = &shape3d::open_mar3d_generator,
      .speed_work = &shape3d::make_token_work,
      .replays = {{"MAR", shape3d::replay_mar},
                  {"MAR-HR (reconstructed)", shape3d::replay_mar},
                  {"clip-dino-embedder", shape3d::replay_vision}},
  };
  return entry;
}

}  // namespace arzoo::runtime
