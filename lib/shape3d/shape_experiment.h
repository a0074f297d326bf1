#pragma once

#include "runtime/device.h"
#include "shape3d/model_folder.h"
#include "shape3d/shape_data.h"

namespace arzoo::shape3d {

/// What training on shapes is for every model: its batches, and its folder.
class ShapeExperiment : public runtime::Experiment {
 public:
  int64_t batches_per_epoch() const override { return loader_.batches_per_epoch(); }
  void save(const std::filesystem::path& folder) override;
  void load(const std::filesystem::path& folder) override;

  std::vector<std::string> notes() const override { return loader_.data().notes(); }

 protected:
  /// config: resolved (plan/run_config.h); levels: clouds of a shape; outlines: of each shape, to be stored.
  /// Throws DataError for meshes that cannot be used.
  ShapeExperiment(const Config& config, const runtime::Compute& compute, int64_t levels,
                  const Outlines& outlines);

  /// What the model's folder says.
  ModelFolder description(const std::filesystem::path& folder) const;

  runtime::Compute compute_;
  ShapeLoader loader_;

 private:
  Json model_section_;
};

/// Rows of rendered meshes, above one another: what was asked for, and what came out. Each row holds as many.
ReportPng mesh_rows(const std::vector<std::vector<io::Mesh>>& rows, const std::string& caption);

}  // namespace arzoo::shape3d
