#include "shape3d/argus3d_generator.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "nn/exponential_race.h"
#include "runtime/generation_options.h"

namespace arzoo::shape3d {

nn::DecodingRules decoding_rules(const Argus3dGenerationOptions& options) {
  nn::DecodingRules rules;
  rules.sampling.rules = nn::kTemperatureFirst;
  rules.sampling.top_k = options.top_k;
  rules.sampling.top_p = options.top_p;
  rules.sampling.temperature = options.temperature;
  return rules;
}

at::Tensor argus3d_tokens(const Argus3d& model, const at::Tensor& labels, const nn::DecodingRules& rules,
                          nn::TokenRandomInputs& random_inputs, const nn::DecodingWatcher& watch) {
  Argus3dStream stream(model);
  const int64_t tokens = model.options().tokens();
  // The class is the prompt.
  return nn::decode_tokens(stream, labels.unsqueeze(1), tokens, rules, random_inputs, watch)
      .narrow(1, 1, tokens);
}

Argus3dGenerator::Argus3dGenerator(const Parts& parts, std::shared_ptr<Argus3d> model,
                                   const Argus3dGenerationOptions& options, const runtime::Compute& compute)
    : CodeGenerator(parts, compute), model_(std::move(model)), rules_(decoding_rules(options)) {}

std::unique_ptr<runtime::ShapeGenerator> Argus3dGenerator::open(const std::filesystem::path& path,
                                                                const Json& sampling,
                                                                const runtime::Compute& compute) {
  Parts parts{.name = std::string(Argus3dOptions::kName), .path = path};
  Json defaults;
  std::shared_ptr<Argus3d> model;
  if (runtime::model_name_in(path)) {
    const auto folder = open_model_folder(path);
    model = load_model<Argus3d, Argus3dOptions>(folder, compute.dtype);
    parts.autoencoder = load_autoencoder(open_model_folder(folder.path / "vae"), compute.dtype);
    parts.path = folder.path;
    parts.class_names = folder.classes;
    defaults = folder.sampling;
  } else {
    auto files = open_argus3d_file(path, compute.dtype);
    model = files.model;
    parts.autoencoder = files.tokenizer;
    parts.class_names = files.classes;
  }
  const int64_t own = parts.autoencoder->token_count(), codes = parts.autoencoder->vocabulary();
  if (own != model->options().tokens() || codes != model->options().embedding_num)
    fail<CheckpointError>("{}: stage 1 has {} tokens of {} codes, expected {} of {} (another model's)",
                          path.string(), own, codes, model->options().tokens(),
                          model->options().embedding_num);
  const auto options =
      runtime::generation_options<Argus3dGenerationOptions>(sampling, defaults, Argus3dOptions::kName);
  parts.classes = model->options().classes;
  parts.steps = model->options().tokens();
  parts.options = arzoo::to_json(options);
  parts.cleaning = cleaning_of(options);
  parts.model = model;
  return std::unique_ptr<runtime::ShapeGenerator>(new Argus3dGenerator(parts, model, options, compute));
}

at::Tensor Argus3dGenerator::sample(const runtime::ShapeRequest& request,
                                    const std::function<void(int64_t)>& watch) const {
  nn::ExponentialRace random_inputs(request.seeds);
  return argus3d_tokens(*model_, labels_of(request), rules_, random_inputs,
                        [&](const nn::DecodingStep& step) {
                          if (watch) watch(step.index);
                          return true;
                        })
      .to(device_);
}

}  // namespace arzoo::shape3d
