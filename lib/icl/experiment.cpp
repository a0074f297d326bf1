#include "icl/experiment.h"

#include <torch/torch.h>

#include "core/atomic_file.h"
#include "core/chart.h"
#include "icl/baselines.h"
#include "icl/curves.h"
#include "icl/function_classes.h"
#include "icl/function_learners.h"
#include "icl/linear_dynamics.h"
#include "icl/mesa_learner.h"
#include "icl/models.h"
#include "icl/path_finding.h"
#include "icl/path_learner.h"
#include "icl/random_inputs.h"
#include "icl/regression_prompts.h"
#include "icl/self_attention_learner.h"
#include "runtime/metrics.h"
#include "runtime/safetensors.h"
#include "runtime/training_options.h"

namespace arzoo::icl {
namespace {

/// A learner of Learner's kind.
template <class Learner>
Learner& as(InContextLearner& learner) {
  return dynamic_cast<Learner&>(learner);
}

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
    return {.total = as<FunctionLearner>(*learner_).loss(on_device(prompts.xs), on_device(prompts.ys))};
  }

  /// {"mse", "last_mse"}: over all points, and at the last one.
  runtime::Metrics evaluate(runtime::Split split) override {
    runtime::ErrorSums all, last;
    const auto& options = data_.functions;
    each_batch([&](int64_t batch, int64_t size) {
      const auto prompts =
          sample_prompts(options, size, options.n_points, options.n_dims, generator(split, batch));
      const auto predicted =
          as<FunctionLearner>(*learner_).predict(on_device(prompts.xs), on_device(prompts.ys)).cpu();
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
    const auto predicted =
        as<FunctionLearner>(*learner_).predict(on_device(prompts.xs), on_device(prompts.ys));
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
};

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
    return {.total = as<SelfAttentionLearner>(*learner_).loss(on_device(prompts.tokens),
                                                              on_device(prompts.target))};
  }

  /// {"loss"}: half the mean squared error of the query.
  runtime::Metrics evaluate(runtime::Split split) override {
    runtime::ErrorSums errors;
    each_batch([&](int64_t batch, int64_t size) {
      const auto prompts = sample_regression(data_.regression, size, generator(split, batch));
      errors.add(as<SelfAttentionLearner>(*learner_).predict(on_device(prompts.tokens)).cpu(),
                 prompts.target.select(1, -1));
    });
    return {{"loss", errors.mse() / 2}};
  }
};

/// Linear dynamical systems (mesa_transformer).
class DynamicsExperiment : public LearnerExperiment {
 public:
  DynamicsExperiment(const Config& config, const runtime::Compute& compute)
      : LearnerExperiment(config, compute) {
    begin({data_});
  }

  runtime::Losses loss(int64_t batch) override {
    const auto states = sample_states(data_.dynamics, batch_size(), generator(runtime::Split::train, batch));
    const auto [tokens, labels] = parts(states);
    return {.total = as<MesaLearner>(*learner_).loss(on_device(tokens), on_device(labels))};
  }

  /// {"loss", "last_loss"}: half the squared error of a state, over all steps and at the last one.
  runtime::Metrics evaluate(runtime::Split split) override {
    runtime::ErrorSums all, last;
    const auto& options = data_.dynamics;
    each_batch([&](int64_t batch, int64_t size) {
      const auto [tokens, labels] = parts(sample_states(options, size, generator(split, batch)));
      const auto predicted =
          as<MesaLearner>(*learner_).forward(on_device(tokens)).cpu().narrow(2, 0, options.data_dim);
      all.add(predicted, labels);
      last.add(predicted.select(1, -1), labels.select(1, -1));
    });
    const double scale = static_cast<double>(options.data_dim) / 2;
    return {{"loss", all.mse() * scale}, {"last_loss", last.mse() * scale}};
  }

 private:
  std::pair<at::Tensor, at::Tensor> parts(const at::Tensor& states) const {
    const auto steps = data_.dynamics.seq_len;
    return {constructed_tokens(states.narrow(1, 0, steps)), states.narrow(1, 1, steps)};
  }
};

/// Paths of one graph (alpine_nanogpt).
class PathExperiment : public LearnerExperiment {
 public:
  PathExperiment(const Config& config, const runtime::Compute& compute)
      : LearnerExperiment(config, compute), task_(PathTask::sample(data_.graph, seed())) {
    const auto block = block_size(task_.rows);
    train_ = row_tokens(task_.rows.train, block);
    test_ = row_tokens(task_.rows.test, block);
    begin({data_, vocab_size(data_.graph.num_nodes), block});
    notes_.push_back(fmt::format("{} edges, {} rows to train on, {} pairs to test",
                                 task_.graph.adjacency.sum().item<int64_t>(), train_.size(0), test_.size(0)));
  }

  runtime::Losses loss(int64_t batch) override {
    auto random_inputs = generator(runtime::Split::train, batch);
    return {.total = loss_of(train_.index_select(
                0, at::randint(train_.size(0), {batch_size()}, random_inputs, at::kLong)))};
  }

  /// {"loss", "error"} of the walks between tested pairs (of trained ones where none is): the mean cross
  /// entropy, and the share of sampled rows that are no path.
  runtime::Metrics evaluate(runtime::Split split) override {
    const auto& rows = test_.size(0) > 0 ? test_ : train_;
    runtime::ErrorSums wrong;
    double sum = 0.0;
    int64_t count = 0;
    each_batch([&](int64_t batch, int64_t size) {
      auto random_inputs = generator(split, batch);
      const auto chosen = rows.index_select(0, at::randint(rows.size(0), {size}, random_inputs, at::kLong));
      sum += loss_of(chosen).item<double>() * static_cast<double>(size);
      count += size;
      const auto generated = as<PathLearner>(*learner_)
                                 .generate(on_device(chosen.narrow(1, 0, 2)), kEndToken, random_inputs)
                                 .cpu();
      for (int64_t i = 0; i < size; ++i) {
        const bool valid = judge(row_of(generated[i]), task_.graph) == PathVerdict::valid;
        wrong.add(at::full({1}, valid ? 0.0 : 1.0), at::zeros({1}));
      }
    });
    return {{"loss", sum / static_cast<double>(count)}, {"error", wrong.mse()}};
  }

  void save(const std::filesystem::path& folder) override {
    as<PathLearner>(*learner_).tie();
    LearnerExperiment::save(folder);
  }

 private:
  /// Nothing that counts comes after the longest row's end: what only padding follows is left out.
  at::Tensor loss_of(const at::Tensor& rows) {
    const auto ids = on_device(rows);
    const int64_t length = (rows != kPadToken).sum(1).max().item<int64_t>() - 1;
    return as<PathLearner>(*learner_).loss(ids.narrow(1, 0, length), ids.narrow(1, 1, length));
  }

  PathTask task_;
  at::Tensor train_, test_;  ///< [rows, block + 1]
};

LearnerShape shape_of(const Config& run) {
  LearnerShape shape{run.at("data").as<DataOptions>()};
  if (run.at("model").text("name") != AlpineOptions::kName) return shape;
  shape.vocab_size = vocab_size(shape.data.graph.num_nodes);
  shape.block_size =
      block_size(PathTask::sample(shape.data.graph, run.json().at("seed").get<int64_t>()).rows);
  return shape;
}

}  // namespace

LearnerExperiment::LearnerExperiment(const Config& config, const runtime::Compute& compute)
    : config_(config),
      compute_(compute),
      data_(config.at("data").as<DataOptions>()),
      evaluation_(config.at("evaluation").as<EvaluationOptions>()),
      batch_size_(config.at("training").as<runtime::TrainingOptions>().batch_size),
      seed_(config.json().at("seed").get<int64_t>()) {}

void LearnerExperiment::begin(const LearnerShape& shape) {
  learner_ = build(config_.at("model"), shape);
  learner_->initialise();
  learner_->to(compute_.device);
}

at::Generator LearnerExperiment::generator(runtime::Split split, int64_t batch) const {
  constexpr Stream kStreams[] = {kTrainStream, kValidationStream, kTestStream};
  return generator_of(seed_, kStreams[static_cast<int>(split)], batch);
}

void LearnerExperiment::each_batch(const std::function<void(int64_t, int64_t)>& add) {
  const c10::InferenceMode inference;
  learner_->eval();
  for (int64_t done = 0, batch = 0; done < evaluation_.tasks; ++batch) {
    const auto size = std::min(evaluation_.batch_size, evaluation_.tasks - done);
    add(batch, size);
    done += size;
  }
}

void LearnerExperiment::save(const std::filesystem::path& folder) {
  write_atomically(folder / "config.json", dump_json(config_.json(), 2) + "\n");
  runtime::write_safetensors(folder / "model.safetensors", runtime::state_dict(*learner_).entries(),
                             {{"format", "pt"}});
}

void LearnerExperiment::load(const std::filesystem::path& folder) {
  runtime::load_strictly(*learner_, runtime::open_tensors(folder), folder.string());
}

std::unique_ptr<LearnerExperiment> make_experiment(const Config& config, const runtime::Compute& compute) {
  const auto name = config.at("model").text("name");
  if (name == VonOswaldOptions::kName) return std::make_unique<RegressionExperiment>(config, compute);
  if (name == MesaTransformerOptions::kName) return std::make_unique<DynamicsExperiment>(config, compute);
  if (name == AlpineOptions::kName) return std::make_unique<PathExperiment>(config, compute);
  return std::make_unique<FunctionExperiment>(config, compute);
}

std::shared_ptr<InContextLearner> open_learner(const Config& run, const std::filesystem::path& folder) {
  auto learner = build(run.at("model"), shape_of(run));
  runtime::load_strictly(*learner, runtime::open_tensors(folder), folder.string());
  learner->eval();
  return learner;
}

}  // namespace arzoo::icl
