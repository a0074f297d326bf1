#include "icl/experiment.h"

#include <torch/torch.h>

#include "icl/random_inputs.h"
#include "runtime/model_folder.h"
#include "runtime/named_tensors.h"
#include "runtime/training_options.h"

namespace arzoo::icl {

LearnerExperiment::LearnerExperiment(const Config& config, const runtime::Compute& compute)
    : config_(config),
      compute_(compute),
      data_(config.at("data").as<DataOptions>()),
      evaluation_(config.at("evaluation").as<EvaluationOptions>()),
      batch_size_(config.at("training").as<runtime::TrainingOptions>().batch_size),
      seed_(config.json().at("seed").get<int64_t>()) {
  if (batch_size_ < compute.share.count)
    fail<ConfigError>(
        "training.batch_size: a batch of {} for {} processes, expected at least one item for each",
        batch_size_, compute.share.count);
}

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
  runtime::write_model_folder(folder, config_.json(), *learner_);
}

void LearnerExperiment::load(const std::filesystem::path& folder) {
  runtime::load_strictly(*learner_, runtime::open_tensors(folder), folder.string());
}

std::shared_ptr<InContextLearner> open_learner(const Config& run, const std::filesystem::path& folder) {
  auto learner =
      build(run.at("model"), {run.at("data").as<DataOptions>(), run.json().at("seed").get<int64_t>()});
  runtime::load_strictly(*learner, runtime::open_tensors(folder), folder.string());
  learner->eval();
  return learner;
}

}  // namespace arzoo::icl
