#include "image/image_generator.h"

#include "core/error.h"
#include "image/latent_generator.h"
#include "image/var_generator.h"

namespace arzoo::image {

std::unique_ptr<ImageGenerator> open_generator(const GeneratorSource& source,
                                               const GenerationOptions& options,
                                               const runtime::Compute& compute) {
  // Only VARs work together.
  if (!source.drafter && !source.refiner) {
    const auto found = find_model(source.model, model_state_dict(source));
    if (auto generator = open_latent_generator(found, source, options, compute)) return generator;
  }
  return std::make_unique<VarGenerator>(open_parts(source, compute.dtype), options, compute);
}

std::unique_ptr<ImageGenerator> random_generator(const std::vector<Config>& models,
                                                 std::optional<int64_t> draft_steps,
                                                 const GenerationOptions& options,
                                                 const runtime::Compute& compute,
                                                 const SamplingDefaults& defaults) {
  if (auto generator = random_latent_generator(models.front(), options, compute, defaults)) return generator;
  auto parts = random_parts(models, draft_steps, compute.dtype);
  parts.defaults = defaults;
  return std::make_unique<VarGenerator>(std::move(parts), options, compute);
}

}  // namespace arzoo::image
