#include "tasks/speed_work.h"

#include <torch/torch.h>

#include "forecast/experiment.h"
#include "icl/experiment.h"
#include "image/data_options.h"
#include "image/image_generator.h"
#include "kernels/int8.h"
#include "nn/seeded_noise.h"
#include "runtime/gemm_peak.h"
#include "runtime/initial_weights.h"
#include "runtime/training_step.h"
#include "tasks/families.h"
#include "tasks/forecast_stream.h"
#include "tasks/generators.h"
#include "tasks/scratch_folder.h"
#include "tasks/shape_speed_work.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;
using forecast::ForecastExperiment;

/// The forecaster behind an experiment, or nothing for another family's.
ForecastExperiment* forecaster_of(runtime::Experiment& experiment) {
  return dynamic_cast<ForecastExperiment*>(&experiment);
}

Json request_of(const Json& model, ForecastExperiment& experiment) {
  return {{"model", model}, {"shape", arzoo::to_json(experiment.data().shape())}};
}

/// What the run's config lets training change.
std::vector<at::Tensor> trained_parameters(runtime::Experiment& experiment, const Config& config) {
  runtime::select_trainable(experiment.model(), config.at("training").at("trainable"));
  return experiment.model().parameters();
}

/// The training step of a run, loader and update included, over and over.
class TrainStepWork : public SpeedWork {
 public:
  TrainStepWork(const ResolvedSpeedCell& cell, const runtime::Compute& compute,
                std::unique_ptr<runtime::Experiment> experiment)
      : model_(cell.config.at("model")),
        options_(Config(cell.config, cell.options.name).at("training").as<runtime::TrainingOptions>()),
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
    if (auto* forecaster = forecaster_of(*experiment_)) return request_of(model_, *forecaster);
    const auto* learner = dynamic_cast<icl::LearnerExperiment*>(experiment_.get());
    const Json shape = learner == nullptr ? Json(nullptr) : learner->reference_shape();
    return shape.is_null() ? Json(nullptr) : Json{{"model", model_}, {"shape", shape}};
  }
  double loader_seconds() const override {
    auto* forecaster = forecaster_of(*experiment_);
    return forecaster == nullptr ? 0.0 : forecaster->loader_seconds();
  }

 private:
  Json model_;
  runtime::TrainingOptions options_;
  runtime::Compute compute_;
  std::unique_ptr<runtime::Experiment> experiment_;
  runtime::Adam optimizer_;
  int64_t step_ = 0;
};

/// The first `size` training windows; those of a short file come again.
forecast::ForecastBatch first_windows(const forecast::SeriesData& data, int64_t size,
                                      const runtime::Compute& compute) {
  std::vector<int64_t> indices(static_cast<std::size_t>(size));
  for (int64_t i = 0; i < size; ++i)
    indices[static_cast<std::size_t>(i)] = i % data.windows(runtime::Split::train);
  auto batch = data.batch(runtime::Split::train, indices);
  for (auto* tensor : {&batch.x_enc, &batch.x_mark_enc, &batch.x_dec, &batch.x_mark_dec}) {
    if (tensor->defined()) *tensor = tensor->to(compute.device);
  }
  return batch;
}

/// A forecast of one batch, with weights in the dtype as `arzoo forecast --dtype` has them.
class InferenceWork : public SpeedWork {
 public:
  InferenceWork(const ResolvedSpeedCell& cell, const runtime::Compute& compute,
                ForecastExperiment& experiment)
      : request_(request_of(cell.config.at("model"), experiment)),
        compute_(compute),
        batch_(first_windows(experiment.data(), cell.batch_size, compute)),
        model_(std::dynamic_pointer_cast<forecast::Forecaster>(experiment.model().shared_from_this())) {
    model_->to(compute.device, compute.dtype);
    model_->eval();
    if (compute.int8) int8_ = std::make_unique<kernels::Int8Weights>(*model_);
  }

  void run() override {
    const c10::InferenceMode inference;
    const kernels::Int8Scope int8(int8_.get());
    model_->forecast(batch_);
    runtime::finish_device_work(compute_);
  }
  Json reference_request() const override { return request_; }

 private:
  Json request_;
  runtime::Compute compute_;
  forecast::ForecastBatch batch_;
  std::shared_ptr<forecast::Forecaster> model_;
  std::unique_ptr<kernels::Int8Weights> int8_;
};

/// Pictures of the first classes, from noise to pixels.
class GenerationWork : public SpeedWork {
 public:
  GenerationWork(const ResolvedSpeedCell& cell, const runtime::Compute& compute)
      : model_(cell.config.at("model")),
        compute_(compute),
        generator_(tasks::random_generator({Config(cell.config, cell.options.name).at("model")}, std::nullopt,
                                           {}, compute, sampling_of(cell))) {
    batch_.labels = at::arange(cell.batch_size, at::kLong).remainder_(generator_->classes());
    batch_.seeds = nn::item_seeds(0, 0, static_cast<std::size_t>(cell.batch_size));
  }

  void run() override {
    generator_->sample(batch_, [](int64_t, const auto&) {});
    runtime::finish_device_work(compute_);
  }
  Json reference_request() const override { return {{"model", model_}, {"shape", generator_->settings()}}; }

 private:
  static image::SamplingDefaults sampling_of(const ResolvedSpeedCell& cell) {
    return Config(cell.config, cell.options.name)
        .section("evaluation")
        .as<image::EvaluationOptions>()
        .sampling;
  }

  Json model_;
  runtime::Compute compute_;
  std::unique_ptr<image::ImageGenerator> generator_;
  image::PictureBatch batch_;
};

forecast::ForecastModel reopened(ForecastExperiment& experiment, const runtime::Compute& compute) {
  const ScratchFolder folder;
  experiment.save(folder.path());
  return forecast::ForecastModel::open(folder.path(), std::nullopt, compute);
}

/// A line of `forecast --stream`: the first seq_len rows of the file, in its units.
std::string stream_line(const ForecastExperiment& experiment) {
  const auto& series = experiment.data().series().front();
  const auto rows = experiment.data().shape().seq_len;
  const auto values = series.values.narrow(0, 0, rows);
  Json line{{"id", 0},
            {"ds", io::DateFormat().format((*series.stamps)[static_cast<std::size_t>(rows - 1)])},
            {"values", Json::array()}};
  for (int64_t t = 0; t < rows; ++t) {
    Json row = Json::array();
    for (int64_t c = 0; c < values.size(1); ++c)
      row.push_back(series.scaler.inverse(values[t][c].item<double>(), c));
    line["values"].push_back(std::move(row));
  }
  return dump_json(line);
}

/// One window from JSON text to JSON text.
class StreamWork : public SpeedWork {
 public:
  StreamWork(const runtime::Compute& compute, ForecastExperiment& experiment)
      : line_(stream_line(experiment)),
        model_(reopened(experiment, compute)),
        stream_(task_, model_, model_.shape().pred_len) {
    const auto reply = stream_.answer(line_);
    if (reply.contains("error")) fail<DataError>("{}", reply["error"].get<std::string>());
  }

  void run() override { answer_ = dump_json(stream_.answer(line_)); }

 private:
  std::string line_, answer_;
  plan::ForecastTask task_;
  forecast::ForecastModel model_;
  ForecastStream stream_;
};

}  // namespace

std::unique_ptr<SpeedWork> make_speed_work(const ResolvedSpeedCell& cell, const runtime::Compute& compute) {
  const Config config(cell.config, cell.options.name);
  runtime::seed(cell.config.at("seed").get<int64_t>());
  if (cell.options.work == "generate") {
    if (family_of_model(config.at("model")).name == "shape3d") return make_shape_work(cell, compute);
    return std::make_unique<GenerationWork>(cell, compute);
  }
  std::vector<std::string> notes;
  auto experiment = family_of_model(config.at("model")).experiment(config, compute, notes);
  if (cell.options.work == "train_step")
    return std::make_unique<TrainStepWork>(cell, compute, std::move(experiment));
  auto* forecaster = forecaster_of(*experiment);
  if (forecaster == nullptr)
    config.at("model").reject(fmt::format("its family has no work \"{}\"", cell.options.work));
  if (cell.options.work == "inference") return std::make_unique<InferenceWork>(cell, compute, *forecaster);
  return std::make_unique<StreamWork>(compute, *forecaster);
}

}  // namespace arzoo::tasks
