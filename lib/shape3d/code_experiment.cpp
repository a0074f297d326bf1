#include "shape3d/code_experiment.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/seeded_random.h"
#include "shape3d/latent_surface.h"

namespace arzoo::shape3d {
namespace {

ModelFolder tokenizer_folder_of(const Config& config) {
  const auto source = config.at("data").at("tokenizer");
  if (source.text().empty())
    source.reject(fmt::format("a {} needs a trained tokenizer of shapes", config.at("model").text("name")));
  return open_model_folder(source.text());
}

}  // namespace

CodeExperiment::CodeExperiment(const Config& config, const runtime::Compute& compute)
    : ShapeExperiment(config, compute, load_autoencoder(tokenizer_folder_of(config), at::kFloat)->levels(),
                      {}),
      seed_(config.json().at("seed").get<int64_t>()),
      tokenizer_(tokenizer_folder_of(config)),
      autoencoder_(load_autoencoder(tokenizer_, at::kFloat)) {
  if (autoencoder_->vocabulary() == 0)
    config.at("data")
        .at("tokenizer")
        .reject(fmt::format("a {}, expected a model that codes shapes by tokens",
                            tokenizer_.model.at("name").get<std::string>()));
  autoencoder_->module().to(compute.device);
}

void CodeExperiment::require_equal(const Config& option, int64_t value, int64_t wanted,
                                   const char* what) const {
  if (value != wanted) option.reject(fmt::format("{}, but the tokenizer has {} {}", value, wanted, what));
}

void CodeExperiment::require_classes(const Config& option, int64_t classes) const {
  const auto known = static_cast<int64_t>(loader_.data().class_names().size());
  if (known > classes) option.reject(fmt::format("{}, but the shapes have {} classes", classes, known));
}

at::Tensor CodeExperiment::codes_of(const SurfaceClouds& clouds) {
  const torch::NoGradGuard no_grad;
  return autoencoder_->code(clouds.to(compute_.device));
}

runtime::Losses CodeExperiment::loss(int64_t batch) {
  const auto& shapes = loader_.get(batch);
  return loss_of(shapes.labels.to(compute_.device), codes_of(shapes.shapes.clouds));
}

runtime::Metrics CodeExperiment::evaluate(runtime::Split split) {
  if (loader_.data().size(split) == 0) return {};
  model().eval();
  double total = 0.0;
  int64_t count = 0;
  loader_.each(split, [&](std::span<const int64_t> items, const LabelledShapes& batch) {
    const auto own = static_cast<int64_t>(items.size());
    total += loss_of(batch.labels.to(compute_.device), codes_of(batch.shapes.clouds)).total.item<double>() *
             static_cast<double>(own);
    count += own;
  });
  return {{"loss", total / static_cast<double>(count)}};
}

void CodeExperiment::save(const std::filesystem::path& folder) {
  ShapeExperiment::save(folder);
  auto own = tokenizer_;
  own.path = folder / "vae";
  runtime::save_model(own, autoencoder_->module(), model().parameters().front().scalar_type());
}

std::vector<ReportSection> CodeExperiment::showcase() {
  const int64_t shown = loader_.evaluation().shown;
  if (shown == 0) return {};
  const torch::NoGradGuard no_grad;
  model().eval();
  const auto classes = std::max<int64_t>(1, static_cast<int64_t>(loader_.data().class_names().size()));
  const auto codes = generate(at::arange(shown, at::kLong).remainder_(classes).to(compute_.device),
                              item_seeds(static_cast<uint64_t>(seed_), 0, static_cast<std::size_t>(shown)));
  std::vector<std::vector<io::Mesh>> rows(1);
  for (int64_t i = 0; i < shown; ++i)
    rows[0].push_back(
        latent_surface(*autoencoder_, codes[i].unsqueeze(0), {.resolution = loader_.evaluation().resolution})
            .mesh);
  return {{"Samples", {mesh_rows(rows, "one per class, from class 0 on")}}};
}

}  // namespace arzoo::shape3d
