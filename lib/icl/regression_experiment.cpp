#include "icl/experiment.h"

#include <torch/torch.h>

#include "icl/fixture.h"
#include "icl/learner_entry.h"
#include "icl/models.h"
#include "icl/random_inputs.h"
#include "icl/regression_prompts.h"
#include "icl/self_attention_learner.h"
#include "icl/study.h"
#include "runtime/metrics.h"

namespace arzoo::icl {
namespace {

/// One query after the points of a regression (vonoswald_transformer).
class RegressionExperiment : public LearnerExperiment {
 public:
  RegressionExperiment(const Config& config, const runtime::Compute& compute)
      : LearnerExperiment(config, compute) {
    begin({data_});
  }

  runtime::Losses loss(int64_t batch) override {
    const auto prompts =
        sample_regression(data_.regression, batch_size(), generator(runtime::Split::train, batch));
    return {.total = learner().loss(own_rows(prompts.tokens), own_rows(prompts.target)),
            .samples = own_samples()};
  }

  /// {"loss"}: half the mean squared error of the query.
  runtime::Metrics evaluate(runtime::Split split) override {
    runtime::ErrorSums errors;
    each_batch([&](int64_t batch, int64_t size) {
      const auto prompts = sample_regression(data_.regression, size, generator(split, batch));
      errors.add(learner().predict(on_device(prompts.tokens)).cpu(), prompts.target.select(1, -1));
    });
    return {{"loss", errors.mse() / 2}};
  }

 private:
  SelfAttentionLearner& learner() { return dynamic_cast<SelfAttentionLearner&>(*learner_); }
};

}  // namespace

}  // namespace arzoo::icl

namespace arzoo::runtime {

template <>
const ModelEntry& entry<icl::VonOswaldOptions>() {
  static const ModelEntry entry{
      .name = icl::VonOswaldOptions::kName,
      .build = &icl::build_learner<icl::VonOswaldOptions>,
      .experiment = &make_experiment<icl::RegressionExperiment>,
      .study = icl::study_of<&icl::study_descent>(),
      .replays = {{"vonoswald_lsa_gd", icl::replay_construction, /*on_cpu=*/true},
                  {"vonoswald_transformer", icl::replay_vonoswald},
                  {"vonoswald_lsa", icl::replay_vonoswald_training},
                  {"vonoswald_lsa_trained", icl::replay_vonoswald_trained},
                  {"vonoswald_data", icl::replay_regression_data, /*on_cpu=*/true}}};
  return entry;
}

}  // namespace arzoo::runtime
