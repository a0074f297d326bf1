#pragma once

#include "runtime/batch_loader.h"
#include "runtime/device.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"
#include "speech/edit_distance.h"
#include "speech/speech_data.h"

namespace arzoo::speech {

/// Training any model of the family on labelled recordings.
class SpeechExperiment : public runtime::Experiment {
 public:
  /// run: resolved. specials: tokens before those of the text.
  SpeechExperiment(const Config& run, const runtime::Compute& compute, std::shared_ptr<SpeechModel> model,
                   std::unique_ptr<SpeechData> data);

  torch::nn::Module& model() override { return *model_; }
  int64_t batches_per_epoch() const override { return loader_.batches_per_epoch(); }
  runtime::Losses loss(int64_t batch) override;
  /// {"error_rate", "substitutions", "deletions", "insertions", "tokens", "sentence_errors", "count_errors"}:
  /// the rates in percent.
  runtime::Metrics evaluate(runtime::Split split) override;
  void save(const std::filesystem::path& folder) override;
  void load(const std::filesystem::path& folder) override;
  std::vector<std::string> notes() const override { return {data_->summary()}; }
  std::vector<ReportSection> showcase() override;

 private:
  Config config_;
  runtime::Compute compute_;
  EvaluationOptions evaluation_;
  std::shared_ptr<SpeechModel> model_;
  std::unique_ptr<SpeechData> data_;
  runtime::BatchLoader<SpeechData, SpeechBatch> loader_;
};

/// The data of a run, for a model with these special tokens and this input.
std::unique_ptr<SpeechData> data_of(const Config& run, const std::vector<std::string>& specials);
/// The "model" section with the sizes that the data have where it says 0 … Throws ConfigError where they
/// differ.
void require_sizes(const Config& run, const SpeechModel& model, const SpeechData& data);

/// An entry's `experiment`.
template <class Model, class Options>
std::unique_ptr<runtime::Experiment> speech_experiment(const Config& run, const runtime::Compute& compute) {
  return std::make_unique<SpeechExperiment>(
      run, compute, runtime::build_module<Model, Options>(run.at("model")), data_of(run, Model::specials()));
}

}  // namespace arzoo::speech
