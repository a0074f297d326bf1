#include <torch/torch.h>

#include <filesystem>

#include "core/metrics_log.h"
#include "icl/gradient_descent.h"
#include "icl/random_inputs.h"
#include "icl/regression_prompts.h"
#include "icl/study.h"
#include "runtime/training_step.h"

namespace arzoo::icl {
namespace {

/// Seeds of the data beside the test split.
enum DescentStream : uint64_t { kScanStream = 100, kCurvatureStream, kShiftStream };

/// Whether gradient descent can be written into a learner of this kind: one linear head on tokens as they
/// come.
bool has_construction(const VonOswaldOptions& options, const RegressionOptions& data) {
  const bool linear_head = options.num_heads == 1 && !options.use_softmax && !options.first_layer_sm &&
                           !options.sum_norm && options.key_size == data.token_width();
  const bool bare = options.att_only_trans && !options.layer_norm && !options.use_bias && !options.in_proj &&
                    !options.pos_enc;
  return linear_head && bare && data.task == "linear" && !data.classic_token_const;
}

std::unique_ptr<SelfAttentionLearner> constructed(const VonOswaldOptions& options,
                                                  const RegressionOptions& data, double rate,
                                                  bool curvature) {
  auto learner = std::make_unique<SelfAttentionLearner>(options, data.token_width(), "construction");
  construct(*learner, data.input_size, data.dataset_size, {rate, curvature, {}});
  return learner;
}

double loss_of(const SelfAttentionLearner& learner, const RegressionPrompts& prompts) {
  const torch::NoGradGuard no_grad;
  return learner.loss(prompts.tokens, prompts.target).item<double>();
}

/// The learning rate of least loss among 0.001 + 0.1 k below 25 (Appendix A of the paper).
double best_rate(const VonOswaldOptions& options, const RegressionOptions& data, bool curvature,
                 const RegressionPrompts& prompts) {
  double best = 0.0, least = std::numeric_limits<double>::infinity();
  for (double rate = 0.001; rate < 25.0; rate += 0.1) {
    const double loss = loss_of(*constructed(options, data, rate, curvature), prompts);
    if (loss >= least) continue;
    least = loss;
    best = rate;
  }
  return best;
}

/// The loss of a construction, which the gradients keep one: queries and keys stay, and of values and outputs
/// one factor for all inputs and one for the target.
class CurvatureObjective : public runtime::Objective {
 public:
  CurvatureObjective(SelfAttentionLearner& learner, const RegressionOptions& data, int64_t seed)
      : learner_(learner), data_(data), seed_(seed) {}

  runtime::Losses loss(int64_t batch) override {
    constexpr int64_t kBatch = 512;
    const auto prompts = sample_regression(data_, kBatch, generator_of(seed_, kCurvatureStream, batch));
    return {learner_.loss(prompts.tokens, prompts.target)};
  }
  void on_gradients(int64_t) override {
    const auto& options = learner_.options();
    for (int64_t layer = 0; layer < (options.deq ? 1 : options.num_layers); ++layer) {
      const auto& maps = learner_.attention(layer);
      for (const auto& frozen : {maps.query.weight, maps.key.weight}) frozen.grad().zero_();
      for (const auto& scaled : {maps.value.weight, maps.linear.weight}) project(scaled.grad());
    }
  }

 private:
  void project(at::Tensor gradient) const {
    const int64_t inputs = data_.input_size;
    const auto block = gradient.narrow(0, 0, inputs).narrow(1, 0, inputs);
    const double mean = block.diagonal().sum().item<double>() / static_cast<double>(inputs * inputs);
    const auto diagonal = gradient.diagonal().clone();
    diagonal.narrow(0, 0, inputs).fill_(mean);
    gradient.copy_(diagonal.diag());
  }

  SelfAttentionLearner& learner_;
  const RegressionOptions& data_;
  int64_t seed_;
};

/// GD++ whose two factors per map are trained, from the best learning rate of the scan (Appendix A.10).
std::unique_ptr<SelfAttentionLearner> trained_curvature(const Subject& subject,
                                                        const VonOswaldOptions& options,
                                                        const RegressionOptions& data,
                                                        const RegressionPrompts& prompts) {
  runtime::TrainingOptions training;
  training.learning_rate = 1e-3;
  training.clip_grad_norm = 1e-3;
  auto learner = constructed(options, data, best_rate(options, data, /*curvature=*/true, prompts), true);
  runtime::Optimizer optimizer(*learner, training);
  subject.progress.begin("GD++", subject.options.curvature_steps);
  CurvatureObjective objective(*learner, data, subject.seed());
  for (int64_t step = 0; step < subject.options.curvature_steps; ++step) {
    runtime::training_step(objective, optimizer, training, {}, step, training.learning_rate);
    subject.progress.step();
  }
  subject.progress.end();
  return learner;
}

/// Loss of the explicit descent in fp64, and how far the construction's predictions are from it.
struct Explicit {
  double loss = 0.0, mean_difference = 0.0, largest_difference = 0.0;
};
Explicit explicit_descent(const SelfAttentionLearner& construction, const RegressionOptions& data,
                          double rate, const RegressionPrompts& prompts) {
  const torch::NoGradGuard no_grad;
  const auto tokens = prompts.tokens.to(at::kDouble);
  const auto context = tokens.narrow(1, 0, data.dataset_size);
  const auto xs = context.narrow(2, 0, data.input_size), ys = context.narrow(2, data.input_size, 1);
  const auto w = gradient_descent(xs, ys, {rate, false, {}}, construction.options().num_layers)[-1];
  const auto query = tokens.select(1, -1).narrow(1, 0, data.input_size);
  const auto predicted = (w.squeeze(1) * query).sum(-1);
  const auto target = prompts.target.select(1, -1).to(at::kDouble);
  const auto difference = (predicted - construction.predict(prompts.tokens).to(at::kDouble)).abs();
  return {0.5 * (predicted - target).square().mean().item<double>(), difference.mean().item<double>(),
          difference.max().item<double>()};
}

struct Contender {
  std::string name;
  const SelfAttentionLearner* learner;
};

/// Loss of each contender as one property of the tasks moves away from training.
void study_shift(const Subject& subject, const std::string& name, const std::vector<double>& values,
                 double RegressionOptions::*property, const std::vector<Contender>& contenders,
                 StudyRecord& record) {
  LineChart chart{"Loss on other tasks", {name}, {"loss", Scale::log}, {}};
  std::vector<Column> columns{Column(name, 2)};
  for (const auto& contender : contenders) {
    columns.emplace_back(contender.name, 5);
    chart.series.push_back({contender.name, values, {}});
  }
  Table rows(columns);
  for (const double value : values) {
    auto data = subject.data().regression;
    data.*property = value;
    const auto prompts =
        sample_regression(data, subject.options.tasks, generator_of(subject.seed(), kShiftStream, 0));
    std::vector<Cell> row{value};
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      const double loss = loss_of(*contenders[i].learner, prompts);
      row.emplace_back(loss);
      chart.series[i].y.push_back(loss);
    }
    rows.add(std::move(row));
  }
  record.chart(name, chart);
  record.table(name, rows);
}

std::vector<double> steps_between(double first, double last, double by) {
  std::vector<double> values;
  for (double value = first; value <= last + by / 2; value += by) values.push_back(value);
  return values;
}

void add_likeness(const std::string& name, const Likeness& like, StudyRecord& record) {
  record.metric("cosine vs " + name, like.cosine);
  record.metric("sensitivity difference vs " + name, like.sensitivity);
  record.metric("prediction difference vs " + name, like.prediction);
}

/// What was trained, what was constructed and the descent itself, side by side (Fig. 2 of the paper).
void study_learners(const Explicit& exact, const std::vector<Contender>& contenders,
                    const RegressionPrompts& prompts, int64_t inputs, StudyRecord& record) {
  Table table({"learner",
               {"loss", 5},
               {"prediction difference from GD"},
               {"cosine of sensitivities with GD", 5},
               {"sensitivity difference from GD", 5}});
  table.add({"GD, explicit in fp64", exact.loss, exact.mean_difference, {}, {}});
  const auto* const construction = contenders.at(1).learner;
  for (const auto& [name, learner] : contenders) {
    const auto like = likeness(*learner, *construction, prompts.tokens, inputs);
    table.add({name, loss_of(*learner, prompts), like.prediction, like.cosine, like.sensitivity});
  }
  record.table("learners", table);
}

/// The validation loss over the run's steps beside the loss of GD, from what the run has logged.
void study_training(const Subject& subject, const std::vector<Contender>& contenders,
                    const RegressionPrompts& prompts, StudyRecord& record) {
  Series trained{"trained", {}, {}};
  const auto log = subject.model.parent_path() / "metrics.jsonl";
  if (!std::filesystem::exists(log)) return;
  read_metrics(log, [&](const Json& line) {
    const auto loss = line.find("val_loss");
    if (loss == line.end() || !loss->is_number()) return;
    trained.x.push_back(line.at("step").get<double>());
    trained.y.push_back(loss->get<double>());
  });
  if (trained.x.size() < 2) return;
  LineChart chart{"Loss over training", {"steps"}, {"loss"}, {trained}};
  for (std::size_t i = 1; i < contenders.size(); ++i) {
    const double loss = loss_of(*contenders[i].learner, prompts);
    chart.series.push_back(
        {contenders[i].name, {trained.x.front(), trained.x.back()}, {loss, loss}, false, /*dashed=*/true});
  }
  record.chart("training", chart);
}

}  // namespace

void study_descent(const Subject& subject, StudyRecord& record) {
  const auto data = subject.data().regression;
  const auto trained = subject.open<SelfAttentionLearner>();
  const auto& plain = trained->options();
  const auto prompts =
      sample_regression(data, subject.options.tasks, generator_of(subject.seed(), kTestStream, 0));
  record.metric("trained loss", loss_of(*trained, prompts));
  if (!has_construction(plain, data)) return;
  const auto scan =
      sample_regression(data, subject.options.tasks, generator_of(subject.seed(), kScanStream, 0));
  const double rate = best_rate(plain, data, /*curvature=*/false, scan);
  const auto construction = constructed(plain, data, rate, false);
  const auto exact = explicit_descent(*construction, data, rate, prompts);
  record.metric("GD rate", rate);
  record.metric("GD loss", exact.loss);
  record.metric("construction loss", loss_of(*construction, prompts));
  record.metric("construction vs GD, largest difference", exact.largest_difference);
  add_likeness("GD", likeness(*trained, *construction, prompts.tokens, data.input_size), record);
  std::vector<Contender> contenders{{"trained", trained.get()}, {"construction", construction.get()}};
  std::unique_ptr<SelfAttentionLearner> curvature;
  if (plain.num_layers > 1 && subject.options.curvature_steps > 0) {
    curvature = trained_curvature(subject, plain, data, scan);
    record.metric("GD++ loss", loss_of(*curvature, prompts));
    add_likeness("GD++", likeness(*trained, *curvature, prompts.tokens, data.input_size), record);
    contenders.push_back({"GD++", curvature.get()});
  }
  SelfAttentionLearner mixed(plain, data.token_width(), "interpolated");
  if (plain.deq) {
    use(interpolation(*trained, curvature ? *curvature : *construction, data.input_size), mixed);
    record.metric("interpolated loss", loss_of(mixed, prompts));
    contenders.push_back({"interpolated", &mixed});
  }
  study_learners(exact, contenders, prompts, data.input_size, record);
  study_training(subject, contenders, prompts, record);
  study_shift(subject, "input_range", steps_between(0.5, 2.0, 0.25), &RegressionOptions::input_range,
              contenders, record);
  study_shift(subject, "weight_scale", steps_between(0.5, 5.0, 0.5), &RegressionOptions::weight_scale,
              contenders, record);
}

}  // namespace arzoo::icl
