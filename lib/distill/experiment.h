#pragma once

#include "distill/teacher.h"
#include "distill/trajectories.h"
#include "runtime/epoch_order.h"
#include "runtime/experiment.h"
#include "runtime/training_options.h"

namespace arzoo::distill {

/// What distillation has in common for every student: the teacher, its samples, and how close the student
/// comes.
class DistillExperiment : public runtime::Experiment {
 public:
  /// Opens the trajectories, or makes them.
  void prepare_data(Progress& progress, const std::atomic<bool>& stop) override {
    trajectories_.prepare(progress, stop);
  }
  int64_t batches_per_epoch() const override { return order_.batches(); }
  torch::nn::Module& model() override { return student().module(); }
  /// "distance": the Fréchet distance between the teacher's pictures and those that the student generates in
  /// one step from the noise of the held-out pairs, of their latents averaged down to a side of 4.
  /// "distance_2": in two steps, if the student has two.
  runtime::Metrics evaluate(runtime::Split split) override;
  /// Also writes vae/, the teacher's tokenizer: the two together generate pictures.
  void save(const std::filesystem::path& folder) override;
  void load(const std::filesystem::path& folder) override;
  /// Pictures of the student beside its teacher's from the same noise.
  std::vector<ReportSection> showcase() override;

  std::vector<std::string> notes() const override;

 protected:
  /// config: resolved (plan/run_config.h); teacher must outlive it.
  DistillExperiment(const Config& config, const Teacher& teacher, const runtime::Compute& compute);

  virtual Student& student() = 0;
  /// Whether a batch stands at the second step: half of them do. Sampled from the default generator.
  static bool is_second_step();
  /// The pairs of training batch `batch`, counted over all epochs.
  TrajectoryBatch training_batch(int64_t batch);

  runtime::Compute compute_;
  EvaluationOptions evaluation_;
  runtime::TrainingOptions training_;

 private:
  /// The latents [N, z, h, w] of the first pairs held out, the teacher's or the student's.
  at::Tensor teacher_latents(int64_t count);
  at::Tensor student_latents(int64_t count, int64_t steps);

  const Teacher& teacher_;
  Trajectories trajectories_;
  Json model_section_;
  runtime::EpochOrder order_;
};

}  // namespace arzoo::distill
