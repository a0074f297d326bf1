#include "image/picture_experiment.h"

#include <c10/core/InferenceMode.h>

#include "image/model_folder.h"
#include "image/picture_report.h"
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

std::vector<ReportSection> PictureExperiment::reconstructions(
    const std::function<at::Tensor(const at::Tensor& images)>& reconstruct) {
  const auto images = loader_.shown().images;
  if (images.size(0) == 0) return {};
  const c10::InferenceMode inference;
  model().eval();
  const auto again = reconstruct(images.to(compute_.device)).cpu();
  return {reconstruction_section(images, again, loader_.data().channels())};
}

void PictureExperiment::save(const std::filesystem::path& folder) {
  runtime::save_model(description(folder), model());
}

void PictureExperiment::load(const std::filesystem::path& folder) {
  runtime::load_strictly(model(), runtime::open_tensors(folder), folder.string());
}

}  // namespace arzoo::image
