#include "image/image_generator.h"

#include "image/latent_generator.h"
#include "image/var_generator.h"

namespace arzoo::image {

std::unique_ptr<ImageGenerator> open_generator(const GeneratorSource& source,
                                               const GenerationOptions& options,
                                               const runtime::Compute& compute) {
  // Only VARs work together.
  if (!source.drafter && !source.refiner) {
    const auto found = find_model(source.model, source.state_dict);
    if (auto generator = open_latent_generator(found, source, options, compute)) return generator;
  }
  return std::make_unique<VarGenerator>(open_parts(source, compute.dtype), options, compute);
}

std::unique_ptr<ImageGenerator> random_generator(const std::vector<Config>& models,
                                                 std::optional<int64_t> draft_steps,
                                                 const GenerationOptions& options,
                                                 const runtime::Compute& compute) {
  return std::make_unique<VarGenerator>(random_parts(models, draft_steps, compute.dtype), options, compute);
}

}  // namespace arzoo::image
