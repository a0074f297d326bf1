#pragma once

#include "runtime/device.h"
#include "runtime/epoch_order.h"
#include "runtime/experiment.h"
#include "shape3d/data_options.h"
#include "shape3d/model_folder.h"
#include "shape3d/solids/autobrep_fsq_model.h"
#include "shape3d/solids/solid_data.h"

namespace arzoo::shape3d {

/// Training AutoBrep's two auto-encoders: a batch is so many faces and as many edges of the solids.
class AutobrepFsqExperiment : public runtime::Experiment {
 public:
  AutobrepFsqExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  int64_t batches_per_epoch() const override { return order_->batches(); }
  runtime::Losses loss(int64_t batch) override;
  /// {"loss", "face_rmse", "edge_rmse"}; of the test split also "rmse_plane", …: by the type of surface.
  runtime::Metrics evaluate(runtime::Split split) override;
  void save(const std::filesystem::path& folder) override;
  void load(const std::filesystem::path& folder) override;
  std::vector<std::string> notes() const override { return data_.notes(); }
  std::vector<ReportSection> showcase() override { return {}; }

 private:
  /// Where a face or an edge lies: its solid and its number there.
  using Place = std::pair<int32_t, int32_t>;
  at::Tensor faces(runtime::Split split, const std::vector<Place>& places) const;
  at::Tensor edges(runtime::Split split, const std::vector<Place>& places) const;

  runtime::Compute compute_;
  Json model_section_;
  int64_t seed_;
  SolidData data_;
  std::shared_ptr<AutobrepFsq> model_;
  std::vector<Place> faces_, edges_;
  std::unique_ptr<runtime::EpochOrder> order_;
};

}  // namespace arzoo::shape3d
