#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "forecast/data_options.h"
#include "forecast/models/chronos2_tuning.h"
#include "runtime/device.h"
#include "runtime/experiment.h"
#include "runtime/prefetcher.h"
#include "runtime/training_options.h"

namespace arzoo::forecast {

/// Fine-tuning Chronos-2 on series cut at random places (data.random_cuts), in full or with LoRA.
class TuningExperiment : public runtime::Experiment {
 public:
  /// config: resolved (plan/run_config.h). Throws DataError for series that are all too short, ConfigError
  /// for a model that does not fit.
  TuningExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  /// Between two validations, as many as the official code has.
  int64_t batches_per_epoch() const override;
  runtime::Losses loss(int64_t batch) override;
  /// {"loss"}: the official loss over the last pred_len steps of each series.
  runtime::Metrics evaluate(runtime::Split split) override;
  /// Writes the official folder: config.json, in which context and horizon are at least what was trained, and
  /// model.safetensors; of LoRA peft's adapter folder, whose base is training.init_from.
  void save(const std::filesystem::path& folder) override;
  void load(const std::filesystem::path& folder) override;
  /// The last pred_len steps of a few series beside the forecast.
  std::vector<ReportSection> showcase() override;

  std::vector<std::string> notes() const override { return notes_; }

 private:
  TuningBatch on_device(TuningBatch batch) const;

  Chronos2Options options_;
  DataOptions data_;
  runtime::TrainingOptions training_;
  runtime::Compute compute_;
  int64_t seed_, evaluated_at_once_;
  std::vector<std::string> notes_;
  std::vector<ZeroShotSeries> series_;  ///< whole
  TuningWindows train_, validation_;
  std::shared_ptr<Chronos2> model_;
  runtime::Prefetcher<TuningBatch> loader_;
};

/// The official config.json of these options.
Json official_chronos2_config(const Chronos2Options& options);

}  // namespace arzoo::forecast
