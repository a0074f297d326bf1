#pragma once

#include "language/language_model.h"
#include "language/text_tokens.h"
#include "runtime/device.h"
#include "runtime/epoch_order.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"
#include "runtime/training_options.h"

namespace arzoo::language {

/// Training any model of the family on packed rows of a text.
class LanguageExperiment : public runtime::Experiment {
 public:
  /// run: resolved (plan/run_config.h). Throws ConfigError, DataError where model, tokenizer and text do not
  /// go together.
  LanguageExperiment(const Config& run, const runtime::Compute& compute,
                     std::shared_ptr<LanguageModel> model);

  torch::nn::Module& model() override { return *model_; }
  int64_t batches_per_epoch() const override { return order_.batches(); }
  void prepare(int64_t batch) override;
  runtime::Losses loss(int64_t batch) override;
  /// {"nats", "perplexity", "bits_per_byte"}: of the tokens that the model predicts.
  runtime::Metrics evaluate(runtime::Split split) override;
  void save(const std::filesystem::path& folder) override;
  void load(const std::filesystem::path& folder) override;
  Json reference_shape() const override;
  std::vector<std::string> notes() const override { return {text_.summary()}; }
  std::vector<ReportSection> showcase() override;

 private:
  Config config_;
  runtime::Compute compute_;
  EvaluationOptions evaluation_;
  std::shared_ptr<LanguageModel> model_;
  std::unique_ptr<io::Tokenizer> tokenizer_;
  TextTokens text_;
  runtime::EpochOrder order_;
  int64_t steps_;  ///< of the whole run
  int64_t accumulation_;
};

/// An entry's `experiment`.
template <class Model, class Options>
std::unique_ptr<runtime::Experiment> language_experiment(const Config& run, const runtime::Compute& compute) {
  return std::make_unique<LanguageExperiment>(run, compute,
                                              runtime::build_module<Model, Options>(run.at("model")));
}

}  // namespace arzoo::language
