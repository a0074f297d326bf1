#include "shape3d/shape_experiment.h"

#include <torch/torch.h>

#include "io/mesh_renderer.h"
#include "io/png_file.h"
#include "runtime/named_tensors.h"

namespace arzoo::shape3d {

ShapeExperiment::ShapeExperiment(const Config& config, const runtime::Compute& compute, int64_t levels,
                                 const Outlines& outlines)
    : compute_(compute),
      loader_(config, levels, outlines, compute.share),
      model_section_(config.json().at("model")) {}

ModelFolder ShapeExperiment::description(const std::filesystem::path& folder) const {
  const auto& data = loader_.data();
  return {.path = folder,
          .model = model_section_,
          .classes = data.class_names(),
          .facts = {.surface_points = data.options().surface_points},
          .sampling = loader_.evaluation().sampling};
}

void ShapeExperiment::save(const std::filesystem::path& folder) {
  runtime::save_model(description(folder), model());
}

void ShapeExperiment::load(const std::filesystem::path& folder) {
  runtime::load_strictly(model(), runtime::open_tensors(folder), folder.string());
}

ReportPng mesh_rows(const std::vector<std::vector<io::Mesh>>& rows, const std::string& caption) {
  io::View view;
  view.azimuth = 35.0;
  view.pixels = 160;
  std::vector<io::Picture> pictures;
  for (const auto& row : rows) {
    for (const auto& mesh : row) pictures.push_back(io::render(mesh, view));
  }
  return {io::encode_png(io::picture_grid(pictures, static_cast<int64_t>(rows.front().size()))), caption};
}

}  // namespace arzoo::shape3d
