#pragma once

#include <string>
#include <vector>

#include "forecast/data/sequence_windows.h"
#include "forecast/data_options.h"
#include "forecast/models/time_moe_model.h"
#include "runtime/device.h"
#include "runtime/epoch_order.h"
#include "runtime/experiment.h"
#include "runtime/prefetcher.h"

namespace arzoo::forecast {

/// Training Time-MoE on series without a calendar (data.sequences), from scratch or from a published folder.
class SequenceExperiment : public runtime::Experiment {
 public:
  /// config: resolved (plan/run_config.h). Throws DataError for data that hold no window, ConfigError for a
  /// model that does not fit.
  SequenceExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  int64_t batches_per_epoch() const override { return order_.batches(); }
  runtime::Losses loss(int64_t batch) override;
  /// {"huber", "huber_1", …}: the mean of the heads' losses and each of them, over all windows of the series
  /// that validate; nothing where none does, and for the test split.
  runtime::Metrics evaluate(runtime::Split split) override;
  /// Writes the official folder: a flat config.json and model.safetensors under the official names, which
  /// `arzoo forecast` and the official code open for any series.
  void save(const std::filesystem::path& folder) override;
  void load(const std::filesystem::path& folder) override;
  /// The end of a few windows that validate (of training windows where none does) beside the forecast.
  std::vector<ReportSection> showcase() override;

  std::vector<std::string> notes() const override { return notes_; }
  int64_t windows(runtime::Split split) const { return windows_of(split).size(); }

 private:
  const SequenceWindows& windows_of(runtime::Split split) const {
    return split == runtime::Split::train ? train_ : validation_;
  }
  TimeMoeLoss loss_of(const TokenBatch& batch, const runtime::JointSum& joint = {});

  SequenceOptions data_;
  TimeMoeOptions options_;
  runtime::Compute compute_;
  EvaluationOptions evaluation_;
  std::unique_ptr<Sequences> sequences_;
  SequenceWindows train_, validation_;
  std::shared_ptr<TimeMoe> model_;
  std::vector<std::string> notes_;
  runtime::EpochOrder order_;  ///< the loader thread's alone, but for batches()
  runtime::Prefetcher<TokenBatch> loader_;
};

}  // namespace arzoo::forecast
