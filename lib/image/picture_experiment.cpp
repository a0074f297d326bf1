#include "image/picture_experiment.h"

#include "image/model_folder.h"
#include "runtime/named_tensors.h"

namespace arzoo::image {

PictureExperiment::PictureExperiment(const Config& config, const runtime::Compute& compute, int64_t pixels)
    : compute_(compute), loader_(config, pixels, compute.share), model_section_(config.json().at("model")) {}

ModelFolder PictureExperiment::description(const std::filesystem::path& folder) const {
  return {.path = folder,
          .model = model_section_,
          .classes = loader_.data().class_names(),
          .facts = {.channels = loader_.data().channels()}};
}

void PictureExperiment::save(const std::filesystem::path& folder) {
  runtime::save_model(description(folder), model());
}

void PictureExperiment::load(const std::filesystem::path& folder) {
  runtime::load_strictly(model(), runtime::open_tensors(folder), folder.string());
}

}  // namespace arzoo::image
