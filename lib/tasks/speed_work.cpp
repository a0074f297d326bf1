#include "tasks/speed_work.h"

#include <torch/torch.h>

#include "core/seeded_random.h"
#include "registry/registry.h"
#include "runtime/gemm_peak.h"
#include "runtime/initial_weights.h"
#include "runtime/training_step.h"

namespace arzoo::tasks {
namespace {

/// What the run's config lets training change.
std::vector<at::Tensor> trained_parameters(runtime::Experiment& experiment, const Config& config) {
  runtime::select_trainable(experiment.model(), config.at("training").at("trainable"));
  return experiment.model().parameters();
}

/// The training step of a run, loader and update included, over and over.
class TrainStepWork : public runtime::SpeedWork {
 public:
  TrainStepWork(const ResolvedSpeedCell& cell, const runtime::Compute& compute,
                std::unique_ptr<runtime::Experiment> experiment)
      : model_(cell.config.at("model")),
        options_(runtime::training_options(Config(cell.config, cell.options.name))),
        compute_(compute),
        experiment_(std::move(experiment)),
        optimizer_(trained_parameters(*experiment_, Config(cell.config, cell.options.name)), options_) {
    // One batch a step, whatever the config accumulates: the reference does the same.
    options_.accumulation_steps = 1;
    experiment_->model().train();
  }

  void run() override {
    runtime::training_step(*experiment_, optimizer_, options_, compute_, step_++, options_.learning_rate);
    runtime::finish_device_work(compute_);
  }
  Json reference_request() const override {
    const Json shape = experiment_->reference_shape();
    return shape.is_null() ? Json(nullptr) : Json{{"model", model_}, {"shape", shape}};
  }
  double loader_seconds() const override { return experiment_->loader_seconds(); }

 private:
  Json model_;
  runtime::TrainingOptions options_;
  runtime::Compute compute_;
  std::unique_ptr<runtime::Experiment> experiment_;
  runtime::Optimizer optimizer_;
  int64_t step_ = 0;
};

/// Pictures of the first classes, from noise to pixels.
class GenerationWork : public runtime::SpeedWork {
 public:
  GenerationWork(const ResolvedSpeedCell& cell, const runtime::Compute& compute)
      : model_(cell.config.at("model")),
        compute_(compute),
        generator_(registry::random_image_generator({Config(cell.config, cell.options.name).at("model")},
                                                    std::nullopt, {}, compute, sampling_of(cell))) {
    batch_.labels =
        at::arange(cell.batch_size, at::kLong).remainder_(std::max<int64_t>(1, generator_->classes()));
    batch_.seeds = item_seeds(0, 0, static_cast<std::size_t>(cell.batch_size));
  }

  void run() override {
    generator_->sample(batch_, [](int64_t, const auto&) {});
    runtime::finish_device_work(compute_);
  }
  Json reference_request() const override { return {{"model", model_}, {"shape", generator_->settings()}}; }

 private:
  /// How the config's evaluation samples, if it says so.
  static Json sampling_of(const ResolvedSpeedCell& cell) {
    const auto evaluation = cell.config.value("evaluation", Json::object());
    return evaluation.contains("sampling") ? evaluation.at("sampling") : Json(nullptr);
  }

  Json model_;
  runtime::Compute compute_;
  std::unique_ptr<runtime::ImageGenerator> generator_;
  runtime::ImageBatch batch_;
};

}  // namespace

std::unique_ptr<runtime::SpeedWork> make_speed_work(const ResolvedSpeedCell& cell,
                                                    const runtime::Compute& compute) {
  const Config config(cell.config, cell.options.name);
  runtime::seed(cell.config.at("seed").get<int64_t>());
  const auto& entry = registry::entry_of(config.at("model"));
  if (cell.options.work == "train_step")
    return std::make_unique<TrainStepWork>(cell, compute, entry.experiment(config, compute));
  if (cell.options.work == "generate" && entry.images.random != nullptr)
    return std::make_unique<GenerationWork>(cell, compute);
  if (entry.speed_work != nullptr) {
    if (auto work = entry.speed_work({config, cell.options.work, cell.batch_size}, compute)) return work;
  }
  config.at("model").reject(fmt::format("{} has no work \"{}\"", entry.name, cell.options.work));
}

}  // namespace arzoo::tasks
