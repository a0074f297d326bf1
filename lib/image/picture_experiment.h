#pragma once

#include <functional>
#include <vector>

#include "image/model_folder.h"
#include "image/picture_data.h"
#include "runtime/device.h"

namespace arzoo::image {

/// What training on pictures is for every model: its batches, and its folder.
class PictureExperiment : public runtime::Experiment {
 public:
  int64_t batches_per_epoch() const override { return loader_.batches_per_epoch(); }
  void save(const std::filesystem::path& folder) override;
  void load(const std::filesystem::path& folder) override;

  std::vector<std::string> notes() const override { return {loader_.data().summary()}; }

 protected:
  /// config: resolved (plan/run_config.h); pixels: the side of the model's pictures. Throws DataError for
  /// pictures that cannot be used.
  PictureExperiment(const Config& config, const runtime::Compute& compute, int64_t pixels);

  /// A report's pictures beside what a tokenizer makes of them; nothing where there are none. reconstruct:
  /// [B, C, H, W] in [-1, 1] on the device, to the same.
  std::vector<ReportSection> reconstructions(
      const std::function<at::Tensor(const at::Tensor& images)>& reconstruct);

  /// What the model's folder says.
  ModelFolder description(const std::filesystem::path& folder) const;

  runtime::Compute compute_;
  PictureLoader loader_;

 private:
  Json model_section_;
};

}  // namespace arzoo::image
