#include <torch/torch.h>

#include "icl/linear_dynamics.h"
#include "icl/mesa_learner.h"
#include "icl/random_inputs.h"
#include "icl/study.h"

namespace arzoo::icl {
namespace {

constexpr uint64_t kFitStream = 300, kTestStreamOfStudy = 301;
constexpr double kProbePenalty = 1e-3;

/// Sequences and what predicts them.
struct Sequences {
  at::Tensor states, labels, tokens;

  static Sequences sample(const DynamicsOptions& options, int64_t count, at::Generator generator) {
    const auto all = sample_states(options, count, generator);
    const auto seen = all.narrow(1, 0, options.seq_len);
    return {seen, all.narrow(1, 1, options.seq_len), constructed_tokens(seen)};
  }
};

/// Half the squared error of each step, [T].
at::Tensor loss_by_step(const at::Tensor& predicted, const at::Tensor& labels) {
  return (predicted - labels).to(at::kDouble).square().sum(-1).mean(0) / 2;
}

/// The step size of least loss of one step of gradient descent: the loss is a square in it.
double best_step_size(const Sequences& fit) {
  const auto direction = dynamics_descent(fit.states, 1.0);
  return ((direction * fit.labels).sum() / direction.square().sum()).item<double>();
}

/// The ridge penalty of least loss among powers of ten.
double best_penalty(const Sequences& fit) {
  double best = 0.0, least = std::numeric_limits<double>::infinity();
  for (double lambda = 1e-6; lambda < 1e3; lambda *= 10.0) {
    const double loss =
        loss_by_step(dynamics_ridge(fit.states, lambda, SeenPairs::all), fit.labels).mean().item<double>();
    if (loss >= least) continue;
    least = loss;
    best = lambda;
  }
  return best;
}

/// What is read out of a token by a linear map (with intercept) fitted on other sequences: the share of the
/// target's variance. hidden: [B, T, D]; target: [B, T, d].
double probed(const at::Tensor& fit_hidden, const at::Tensor& fit_target, const at::Tensor& hidden,
              const at::Tensor& target) {
  const auto flat = [](const at::Tensor& x) { return x.flatten(0, 1).to(at::kDouble); };
  const auto design = [&](const at::Tensor& x) { return at::constant_pad_nd(flat(x), {0, 1}, 1.0); };
  const auto x = design(fit_hidden), penalty = kProbePenalty * at::eye(x.size(1), x.options());
  const auto map = at::linalg_solve(at::matmul(x.t(), x) + penalty, at::matmul(x.t(), flat(fit_target)));
  const auto y = flat(target), residual = y - at::matmul(design(hidden), map);
  const auto spread = y - y.mean(0);
  return 1.0 - (residual.square().sum() / spread.square().sum()).item<double>();
}

struct Run {
  at::Tensor predicted;
  nn::DecoderTrace trace;
};
Run run(const MesaLearner& learner, const Sequences& sequences) {
  Run result;
  result.predicted = learner.forward(sequences.tokens, &result.trace).narrow(2, 0, sequences.states.size(2));
  return result;
}

}  // namespace

void study_dynamics(const Subject& subject, StudyRecord& record) {
  const torch::NoGradGuard no_grad;
  const auto options = subject.data().dynamics;
  const auto learner = subject.open<MesaLearner>();
  const auto fit = Sequences::sample(options, subject.options.tasks,
                                     generator_of(subject.seed(), kFitStream, 0)),
             test = Sequences::sample(options, subject.options.tasks,
                                      generator_of(subject.seed(), kTestStreamOfStudy, 0));
  const auto fitted = run(*learner, fit), tested = run(*learner, test);
  const double eta = best_step_size(fit), lambda = best_penalty(fit);
  const auto descent = dynamics_descent(test.states, eta),
             regression = dynamics_ridge(test.states, lambda, SeenPairs::all);
  const std::vector<NamedCurve> curves{{"model", loss_by_step(tested.predicted, test.labels)},
                                       {"one step of GD", loss_by_step(descent, test.labels), true},
                                       {"least squares", loss_by_step(regression, test.labels), true}};
  record.curves("loss_by_step", "Loss of the next state by states seen", "states seen", curves, Scale::log);
  Table predictors(
      {"predictor", {"loss", 5}, {"loss at the last step", 5}, {"difference from the model", 5}});
  const std::vector<at::Tensor> predictions{tested.predicted, descent, regression};
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const auto& name = curves[i].name;
    const auto& values = curves[i].values;
    const double loss = values.mean().item<double>(), last = values[-1].item<double>(),
                 difference = loss_by_step(predictions[i], tested.predicted).mean().item<double>();
    predictors.add({name, loss, last, difference});
    record.metric(name + " loss", loss);
    record.metric(name + " loss at the last step", last);
    if (i > 0) record.metric("difference from " + name, difference);
  }
  record.table("predictors", predictors);
  record.metric("step size", eta);
  record.metric("ridge penalty", lambda);
  const auto fit_regression = dynamics_ridge(fit.states, lambda, SeenPairs::all);
  Table probes({"layer", {"least squares, share of variance read out", 4}});
  for (std::size_t layer = 0; layer < tested.trace.hidden.size(); ++layer) {
    const double share =
        probed(fitted.trace.hidden[layer], fit_regression, tested.trace.hidden[layer], regression);
    probes.add({static_cast<int64_t>(layer), share});
    record.metric(fmt::format("probe of layer {}", layer), share);
  }
  record.table("probes", probes);
}

}  // namespace arzoo::icl
