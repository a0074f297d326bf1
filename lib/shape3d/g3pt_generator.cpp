#include "shape3d/g3pt_generator.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "nn/exponential_race.h"
#include "runtime/generation_options.h"

namespace arzoo::shape3d {

G3ptGenerator::G3ptGenerator(const Parts& parts, std::shared_ptr<G3pt> model,
                             const G3ptGenerationOptions& options, const runtime::Compute& compute)
    : CodeGenerator(parts, compute),
      model_(std::move(model)),
      coder_(std::dynamic_pointer_cast<const ScaleCoder>(parts.autoencoder)),
      sampling_(scale_sampling(options)) {}

std::unique_ptr<runtime::ShapeGenerator> G3ptGenerator::open(const std::filesystem::path& path,
                                                             const Json& sampling,
                                                             const runtime::Compute& compute) {
  const auto folder = open_model_folder(path);
  const auto model = load_model<G3pt, G3ptOptions>(folder, compute.dtype);
  Parts parts{.name = std::string(G3ptOptions::kName), .path = folder.path, .class_names = folder.classes};
  parts.autoencoder = load_autoencoder(open_model_folder(folder.path / "vae"), compute.dtype);
  const auto* coder = dynamic_cast<const ScaleCoder*>(parts.autoencoder.get());
  const auto& options = model->options();
  if (coder == nullptr || coder->scales() != options.scales || coder->input_width() != options.width ||
      parts.autoencoder->vocabulary() != options.codes)
    fail<CheckpointError>(
        "{}: vae/ is not the tokenizer that the model was trained on (scales, codes or width)",
        path.string());
  const auto generation =
      runtime::generation_options<G3ptGenerationOptions>(sampling, folder.sampling, G3ptOptions::kName);
  parts.classes = options.cond_dim;
  parts.steps = static_cast<int64_t>(options.scales.size());
  parts.options = arzoo::to_json(generation);
  parts.cleaning = cleaning_of(generation);
  parts.model = model;
  return std::unique_ptr<runtime::ShapeGenerator>(new G3ptGenerator(parts, model, generation, compute));
}

at::Tensor G3ptGenerator::sample(const runtime::ShapeRequest& request,
                                 const std::function<void(int64_t)>& watch) const {
  nn::ExponentialRace random_inputs(request.seeds);
  return generate_scales(*model_, *coder_, model_->of_classes(labels_of(request)), sampling_, random_inputs,
                         [&](std::size_t scale, const at::Tensor&) {
                           if (watch) watch(static_cast<int64_t>(scale));
                         });
}

}  // namespace arzoo::shape3d
