#pragma once

#include "image/latent_generator.h"
#include "image/weight_shapes.h"

/// How a generator of continuous tokens and its tokenizer are found and built.
namespace arzoo::image {

/// The model that was found and its tokenizer. read: its options from the weights, where no folder has them.
template <class Model, class Options>
LatentParts<Model> open_parts(const FoundModel& found, const runtime::ImageSource& source,
                              at::ScalarType type, Options (*read)(const runtime::NamedTensors&),
                              std::shared_ptr<Model> (*load)(const Options&, const runtime::NamedTensors&,
                                                             at::ScalarType)) {
  const auto weights = runtime::open_tensors(found.file, found.state_dict);
  const auto options = found.folder ? runtime::options_in<Options>(*found.folder) : read(weights);
  return {found, load(options, weights, type),
          open_kl_vae(found, options.vae, source.vae, type, source.state_dict),
          found.folder ? found.folder->sampling : Json()};
}

/// The model that a source names; it generates alone, without a helping model. Throws UsageError for options
/// that name one.
template <class Options>
FoundModel found_alone(const runtime::ImageSource& source) {
  auto found = find_model(source.model, model_state_dict(source));
  const auto refuse = [](bool given, const char* option) {
    if (given) fail<UsageError>("{}: means nothing to a {}, which generates alone", option, Options::kName);
  };
  refuse(source.draft_steps.has_value(), "--draft-steps");
  refuse(source.teacher.has_value(), "--teacher");
  return found;
}

/// Models with random weights.
template <class Model, class Options>
LatentParts<Model> random_parts(const Config& section, at::ScalarType type, const Json& defaults) {
  const auto options = model_options<Options>(section);
  FoundModel found{std::string(Options::kName), std::nullopt, section.name(), {}};
  LatentParts<Model> parts{found, build_for_inference<Model>(options, type),
                           build_for_inference<KlVae>(options.vae, type), defaults};
  parts.model->initialise();
  parts.vae->initialise();
  return parts;
}

}  // namespace arzoo::image
