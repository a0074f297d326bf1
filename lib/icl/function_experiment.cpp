#include "icl/experiment.h"

#include <torch/torch.h>

#include "core/chart.h"
#include "icl/baselines.h"
#include "icl/curves.h"
#include "icl/fixture.h"
#include "icl/function_classes.h"
#include "icl/function_learners.h"
#include "icl/learner_entry.h"
#include "icl/models.h"
#include "icl/random_inputs.h"
#include "icl/study.h"
#include "runtime/metrics.h"

namespace arzoo::icl {
namespace {

/// Functions from a class (garg_gpt2, akyurek_causal_lm).
class FunctionExperiment : public LearnerExperiment {
 public:
  FunctionExperiment(const Config& config, const runtime::Compute& compute)
      : LearnerExperiment(config, compute) {
    begin({data_});
  }

  runtime::Losses loss(int64_t batch) override {
    const auto& options = data_.functions;
    const auto points = options.curriculum.points.at(batch, options.n_points),
               dims = options.curriculum.dims.at(batch, options.n_dims);
    const auto prompts =
        sample_prompts(options, batch_size(), points, dims, generator(runtime::Split::train, batch));
    return {.total = learner().loss(own_rows(prompts.xs), own_rows(prompts.ys)), .samples = own_samples()};
  }

  /// {"mse", "last_mse"}: over all points, and at the last one.
  runtime::Metrics evaluate(runtime::Split split) override {
    runtime::ErrorSums all, last;
    const auto& options = data_.functions;
    each_batch([&](int64_t batch, int64_t size) {
      const auto prompts =
          sample_prompts(options, size, options.n_points, options.n_dims, generator(split, batch));
      const auto predicted = learner().predict(on_device(prompts.xs), on_device(prompts.ys)).cpu();
      all.add(predicted, prompts.ys);
      last.add(predicted.select(1, -1), prompts.ys.select(1, -1));
    });
    return {{"mse", all.mse()}, {"last_mse", last.mse()}};
  }

  Json reference_shape() const override {
    return {{"n_dims", data_.functions.n_dims}, {"n_points", data_.functions.n_points}};
  }

  /// The error at each point beside the baselines'.
  std::vector<ReportSection> showcase() override {
    const auto& options = data_.functions;
    const c10::InferenceMode inference;
    learner_->eval();
    const auto prompts = sample_prompts(options, evaluation_.batch_size, options.n_points, options.n_dims,
                                        generator(runtime::Split::test, 0));
    const auto predicted = learner().predict(on_device(prompts.xs), on_device(prompts.ys));
    std::vector<NamedCurve> curves{{"this model", (predicted.cpu() - prompts.ys).square().mean(0)}};
    for (const auto& baseline : {NamedAlgorithm{"least squares", least_squares()},
                                 NamedAlgorithm{"3 nearest neighbours", nearest_neighbours(3)}})
      curves.push_back({baseline.name,
                        (predict_online(baseline.run, prompts.xs, prompts.ys) - prompts.ys).square().mean(0),
                        /*dashed=*/true});
    const double scale = trivial_error(options);
    for (auto& curve : curves) curve.values = curve.values / scale;
    return {{"Error in context",
             {ReportSvg{to_svg(curve_chart("Squared error by points seen", "points seen", curves))}}}};
  }

 private:
  FunctionLearner& learner() { return dynamic_cast<FunctionLearner&>(*learner_); }
};

}  // namespace

}  // namespace arzoo::icl

namespace arzoo::runtime {

template <>
const ModelEntry& entry<icl::GargGpt2Options>() {
  static const ModelEntry entry{.name = icl::GargGpt2Options::kName,
                                .build = &icl::build_learner<icl::GargGpt2Options>,
                                .experiment = &make_experiment<icl::FunctionExperiment>,
                                .study = icl::study_of<&icl::study_functions>(),
                                .replays = {{"gpt2", icl::replay_gpt2}}};
  return entry;
}

template <>
const ModelEntry& entry<icl::AkyurekOptions>() {
  static const ModelEntry entry{.name = icl::AkyurekOptions::kName,
                                .build = &icl::build_learner<icl::AkyurekOptions>,
                                .experiment = &make_experiment<icl::FunctionExperiment>,
                                .study = icl::study_of<&icl::study_functions>(),
                                .replays = {{"akyurek_causal_lm", icl::replay_akyurek}}};
  return entry;
}

}  // namespace arzoo::runtime
