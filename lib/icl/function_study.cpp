#include <torch/torch.h>

#include "icl/baselines.h"
#include "icl/function_classes.h"
#include "icl/function_learners.h"
#include "icl/prompting_strategies.h"
#include "icl/random_inputs.h"
#include "icl/study.h"

namespace arzoo::icl {
namespace {

constexpr int64_t kFunctionBatch = 64;
constexpr uint64_t kStudyStream = 200, kStrategyStream = 201;

/// The learner's predictions, some prompts at a time.
at::Tensor predictions(FunctionLearner& learner, const at::Tensor& xs, const at::Tensor& ys) {
  const c10::InferenceMode inference;
  std::vector<at::Tensor> parts;
  for (int64_t first = 0; first < xs.size(0); first += kFunctionBatch) {
    const auto size = std::min(kFunctionBatch, xs.size(0) - first);
    parts.push_back(learner.predict(xs.narrow(0, first, size), ys.narrow(0, first, size)));
  }
  return at::cat(parts).clone();
}

/// A predictor of whole prompts under the name that tables show.
struct NamedPredictions {
  std::string name;
  at::Tensor values;  ///< [B, P]
};

std::vector<NamedPredictions> baseline_predictions(const Subject& subject, const Prompts& prompts) {
  const auto baselines = baselines_for(subject.data().functions.task);
  std::vector<NamedPredictions> all;
  subject.progress.begin("baselines", static_cast<int64_t>(baselines.size()));
  for (const auto& baseline : baselines) {
    all.push_back({baseline.name, predict_online(baseline.run, prompts.xs, prompts.ys)});
    subject.progress.step();
  }
  subject.progress.end();
  return all;
}

/// Error against shots with its confidence band (Garg et al., Fig. 2 to 5); in units of the error of
/// answering 0.
void study_errors(const Subject& subject, const Prompts& prompts, const at::Tensor& predicted,
                  StudyRecord& record) {
  const auto options = subject.data().functions;
  const double unit = trivial_error(options);
  const auto curve_of = [&](const std::string& name, const at::Tensor& values, bool dashed) {
    const auto curve = error_curve((values - prompts.ys).square() / unit, subject.seed());
    return NamedCurve{name, curve.mean, dashed, curve.low, curve.high};
  };
  std::vector<NamedCurve> curves{curve_of("model", predicted, false)};
  for (const auto& baseline : baseline_predictions(subject, prompts)) {
    auto curve = curve_of(baseline.name, baseline.values, true);
    curve.low = curve.high = at::Tensor();
    curves.push_back(std::move(curve));
  }
  record.curves("error_by_shots", "Error by points seen, in units of answering 0", "points seen", curves,
                Scale::log);
  // Twice as many points as coordinates, or as many as there are.
  const int64_t asked = std::min(2 * options.n_dims, options.n_points - 1);
  const auto shots = fmt::format("at {} shots", asked);
  for (const auto& curve : curves)
    record.metric(fmt::format("{} error {}", curve.name, shots), curve.values[asked].item<double>());
  // Without noise least squares is right to rounding, which nothing can be measured by.
  const double least_squares_error = curves[1].values[asked].item<double>();
  if (options.noise_std > 0)
    record.metric("model / least squares " + shots,
                  curves[0].values[asked].item<double>() / least_squares_error);
}

/// The algorithms that Akyürek et al. compare with (Sec. 4).
std::vector<NamedAlgorithm> reference_algorithms(double noise_std) {
  std::vector<NamedAlgorithm> all{{"least squares", least_squares()}};
  for (const double alpha : {0.01, 0.1, 0.5, 1.0})
    all.push_back({fmt::format("ridge {}", alpha), ridge(alpha)});
  if (noise_std > 0) all.push_back({"ridge, Bayes", ridge(noise_std * noise_std)});
  all.push_back({"one pass of GD", gradient_descent_learner({0.02, false, 0.0})});
  all.push_back({"full passes of GD", gradient_descent_learner({0.02, true, 0.0})});
  all.push_back({"5 nearest neighbours", nearest_neighbours(5)});
  all.push_back({"averaging", averaging()});
  return all;
}

/// How far the learner's predictions are from each algorithm's: the squared prediction difference by points
/// seen.
void study_algorithms(const Subject& subject, const Prompts& prompts, const at::Tensor& predicted,
                      StudyRecord& record) {
  const auto options = subject.data().functions;
  const auto algorithms = reference_algorithms(options.noise_std);
  std::vector<NamedCurve> curves;
  Table table({"algorithm", {"mean squared prediction difference", 5}});
  std::string closest;
  double least = std::numeric_limits<double>::infinity();
  subject.progress.begin("algorithms", static_cast<int64_t>(algorithms.size()));
  for (const auto& algorithm : algorithms) {
    const auto answers = predict_online(algorithm.run, prompts.xs, prompts.ys);
    const auto difference =
        (answers - predicted).square().to(at::kDouble).mean(0) / static_cast<double>(options.n_dims);
    const double mean = difference.narrow(0, 1, difference.size(0) - 1).mean().item<double>();
    curves.push_back({algorithm.name, difference});
    table.add({algorithm.name, mean});
    record.metric("difference from " + algorithm.name, mean);
    if (mean < least) {
      least = mean;
      closest = algorithm.name;
    }
    subject.progress.step();
  }
  subject.progress.end();
  subject.progress.note("closest to " + closest);
  record.table("algorithms", table);
  record.curves("difference_by_shots", "Squared difference from each algorithm, per coordinate",
                "points seen", curves, Scale::log);
}

/// The weights that the learner behaves as if it had (Akyürek et al., Sec. 4.1): the linear map, with
/// intercept, from many queries to its answers after the same points.
at::Tensor implicit_weights(FunctionLearner& learner, const at::Tensor& xs, const at::Tensor& ys,
                            const at::Tensor& queries) {
  const int64_t prompts = xs.size(0), points = xs.size(1), asked = queries.size(1), dims = xs.size(2);
  const auto repeated = [&](const at::Tensor& x) { return x.repeat_interleave(asked, 0); };
  const auto all_xs = at::cat({repeated(xs), queries.reshape({prompts * asked, 1, dims})}, 1);
  const auto all_ys = at::constant_pad_nd(repeated(ys), {0, 1});
  const auto answers = predictions(learner, all_xs, all_ys).select(1, points).view({prompts, asked});
  const auto inputs = at::constant_pad_nd(queries, {0, 1}, 1.0);
  return least_squares_weights(inputs, answers).narrow(1, 0, dims);
}

void study_implicit_weights(const Subject& subject, FunctionLearner& learner, const Prompts& prompts,
                            StudyRecord& record) {
  constexpr int64_t kPrompts = 64;
  const auto options = subject.data().functions;
  const int64_t points = options.n_points - 1;
  auto random_inputs = generator_of(subject.seed(), kStudyStream, 1);
  const auto queries = at::randn({kPrompts, 2 * options.n_dims + 2, options.n_dims}, random_inputs);
  const auto xs = prompts.xs.narrow(0, 0, kPrompts).narrow(1, 0, points),
             ys = prompts.ys.narrow(0, 0, kPrompts).narrow(1, 0, points);
  const auto implicit = implicit_weights(learner, xs, ys, queries);
  const auto distance = [&](const at::Tensor& weights) {
    return (implicit - weights).square().mean().item<double>();
  };
  const auto shots = fmt::format("at {} shots", points);
  record.metric("implicit weights vs least squares " + shots, distance(least_squares_weights(xs, ys)));
  if (options.noise_std > 0)
    record.metric("implicit weights vs ridge, Bayes " + shots,
                  distance(ridge_weights(xs, ys, options.noise_std * options.noise_std)));
}

void study_strategies(const Subject& subject, FunctionLearner& learner, StudyRecord& record) {
  const auto options = subject.data().functions;
  std::vector<NamedCurve> curves;
  subject.progress.begin("strategies", static_cast<int64_t>(strategies().size()));
  for (const auto& name : strategies()) {
    auto random_inputs = generator_of(subject.seed(), kStrategyStream, 0);
    const Functions functions(options, subject.options.tasks, options.n_dims, random_inputs);
    const auto points =
        strategy_points(name, subject.options.tasks, options.n_points, options.n_dims, random_inputs);
    const auto predict = [&](const at::Tensor& xs, const at::Tensor& ys) {
      return predictions(learner, xs, ys);
    };
    const auto curve = error_curve(strategy_errors(predict, points, functions) / trivial_error(options), 0);
    curves.push_back({name, curve.mean});
    subject.progress.step();
  }
  subject.progress.end();
  record.curves("strategies", "Error by points seen under other prompts", "points seen", curves);
}

}  // namespace

void study_functions(const Subject& subject, StudyRecord& record) {
  const auto options = subject.data().functions;
  const auto learner = subject.open<FunctionLearner>();
  const auto prompts = sample_prompts(options, subject.options.tasks, options.n_points, options.n_dims,
                                      generator_of(subject.seed(), kStudyStream, 0));
  const auto predicted = predictions(*learner, prompts.xs, prompts.ys);
  study_errors(subject, prompts, predicted, record);
  if (options.task == "linear_regression") {
    study_algorithms(subject, prompts, predicted, record);
    study_implicit_weights(subject, *learner, prompts, record);
  }
  if (subject.options.strategies) study_strategies(subject, *learner, record);
}

}  // namespace arzoo::icl
