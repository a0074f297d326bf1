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
  return std::make_unique<VarGenerator>(source, options, compute);
}

}  // namespace arzoo::image
