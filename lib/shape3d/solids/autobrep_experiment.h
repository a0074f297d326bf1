#pragma once

#include "runtime/device.h"
#include "runtime/epoch_order.h"
#include "runtime/experiment.h"
#include "shape3d/data_options.h"
#include "shape3d/model_folder.h"
#include "shape3d/solids/autobrep_fsq_model.h"
#include "shape3d/solids/autobrep_model.h"
#include "shape3d/solids/solid_data.h"

namespace arzoo::shape3d {

/// Training AutoBrep's transformer on the tokens of solids, coded by trained, frozen auto-encoders
/// (data.tokenizer).
class AutobrepExperiment : public runtime::Experiment {
 public:
  AutobrepExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  int64_t batches_per_epoch() const override { return order_->batches(); }
  runtime::Losses loss(int64_t batch) override;
  /// {"loss"} of solids that tell their complexity.
  runtime::Metrics evaluate(runtime::Split split) override;
  /// Also writes vae/, the auto-encoders.
  void save(const std::filesystem::path& folder) override;
  void load(const std::filesystem::path& folder) override;
  std::vector<std::string> notes() const override { return notes_; }
  std::vector<ReportSection> showcase() override { return {}; }

 private:
  using Sequences = std::vector<std::vector<int64_t>>;
  Sequences sequences_of(const SolidData& data, runtime::Split split, std::vector<Sequences>* turned);
  at::Tensor padded(const Sequences& sequences) const;

  runtime::Compute compute_;
  Json model_section_, sampling_;
  int64_t seed_;
  ModelFolder tokenizer_;
  std::shared_ptr<AutobrepFsq> coders_;
  std::shared_ptr<Autobrep> model_;
  Sequences train_, val_, test_;
  std::vector<Sequences> turned_;  ///< of each training solid, rotated
  std::vector<std::string> notes_;
  std::unique_ptr<runtime::EpochOrder> order_;
};

}  // namespace arzoo::shape3d
