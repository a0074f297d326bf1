#pragma once

#include <functional>

#include "icl/data_options.h"
#include "icl/in_context_learner.h"
#include "icl/zoo.h"
#include "runtime/device.h"
#include "runtime/experiment.h"

namespace arzoo::icl {

/// Training a learner on prompts that are generated on the fly: a batch is a function of the seed and its
/// number, as are those of the validation and the test split.
class LearnerExperiment : public runtime::Experiment {
 public:
  torch::nn::Module& model() override { return *learner_; }
  int64_t batches_per_epoch() const override { return data_.batches_per_epoch; }
  /// config.json (the resolved run) and model.safetensors under the official names.
  void save(const std::filesystem::path& folder) override;
  void load(const std::filesystem::path& folder) override;
  std::vector<ReportSection> showcase() override { return {}; }

  std::vector<std::string> notes() const override { return notes_; }

 protected:
  /// config: resolved (plan/run_config.h). Subclasses make the learner with begin().
  LearnerExperiment(const Config& config, const runtime::Compute& compute);

  void begin(const LearnerShape& shape);
  at::Tensor on_device(const at::Tensor& x) const { return x.to(compute_.device); }
  /// Of a training batch [B, …] the rows that are this process's, on the device.
  at::Tensor own_rows(const at::Tensor& batch) const {
    return on_device(
        batch.narrow(0, compute_.share.first(batch.size(0)), compute_.share.size(batch.size(0))));
  }
  double own_samples() const { return static_cast<double>(compute_.share.size(batch_size_)); }
  at::Generator generator(runtime::Split split, int64_t batch) const;
  int64_t batch_size() const { return batch_size_; }
  int64_t seed() const { return seed_; }

  /// Calls add(batch, size) for the batches of an evaluation, in inference mode.
  void each_batch(const std::function<void(int64_t batch, int64_t size)>& add);

  Config config_;
  runtime::Compute compute_;
  DataOptions data_;
  EvaluationOptions evaluation_;
  std::vector<std::string> notes_;
  std::shared_ptr<InContextLearner> learner_;

 private:
  int64_t batch_size_, seed_;
};

/// A trained learner for evaluation: on the CPU, in evaluation mode. folder: that of a saved model. Throws
/// CheckpointError.
std::shared_ptr<InContextLearner> open_learner(const Config& run, const std::filesystem::path& folder);

}  // namespace arzoo::icl
