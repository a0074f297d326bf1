#pragma once

#include "distill/dd1_student.h"
#include "distill/dd2_student.h"
#include "distill/score_losses.h"
#include "distill/trajectories.h"
#include "runtime/epoch_order.h"
#include "runtime/experiment.h"
#include "runtime/prepares_data.h"
#include "runtime/training_options.h"

namespace arzoo::distill {

/// What distilling is for every student: its teacher, what that draws, and how near the student comes.
class DistillExperiment : public runtime::Experiment, public runtime::PreparesData {
 public:
  /// Opens the trajectories, or makes them.
  void prepare_data(Progress& progress, const std::atomic<bool>& stop) override {
    trajectories_.prepare(progress, stop);
  }
  int64_t batches_per_epoch() const override { return order_.batches(); }
  torch::nn::Module& model() override { return student().module(); }
  /// "distance": the Fréchet distance, from the teacher's pictures, of those that the student draws in one
  /// step from the noise of the pairs held out, by the sums of their code vectors averaged down to a side
  /// of 4. "distance_2": in two steps, if it knows two.
  runtime::Metrics evaluate(runtime::Split split) override;
  /// Also writes vae/, the teacher's tokenizer: the two together draw pictures.
  void save(const std::filesystem::path& folder) override;
  void load(const std::filesystem::path& folder) override;
  /// Pictures of the student beside its teacher's from the same noise.
  std::vector<ReportSection> showcase() override;

  std::vector<std::string> notes() const;

 protected:
  /// config: resolved (plan/run_config.h). Throws as Teacher does.
  DistillExperiment(const Config& config, const runtime::Compute& compute);

  virtual Student& student() = 0;
  /// The pairs of training batch `batch`, counted over all epochs.
  TrajectoryBatch training_batch(int64_t batch);

  runtime::Compute compute_;
  EvaluationOptions evaluation_;
  runtime::TrainingOptions training_;
  Teacher teacher_;
  Trajectories trajectories_;

 private:
  /// The sums of the code vectors [N, z, h, w] of the first pairs held out, the teacher's or the student's.
  at::Tensor teacher_features(int64_t count);
  at::Tensor student_features(int64_t count, int64_t steps);

  Json model_section_;
  runtime::EpochOrder order_;
};

/// Distilled Decoding 1: cross-entropy of the tokens where the noise leads, and the squared error of their
/// vectors in multiples of the codebook's mean square. Half of the batches stand at DD time 0, half at
/// loss_split_t.
class Dd1Experiment : public DistillExperiment {
 public:
  Dd1Experiment(const Config& config, const runtime::Compute& compute);
  runtime::Losses loss(int64_t batch) override;

 protected:
  Student& student() override { return student_; }

 private:
  Dd1Student student_;
  double mean_square_;  ///< of the codebook's numbers
};

/// Distilled Decoding 2: first the guidance network is tuned to tell the teacher's conditional score; the
/// generator starts as a copy of it; then the two take turns. Each of them is updated by its own losses
/// alone.
class Dd2Experiment : public DistillExperiment {
 public:
  Dd2Experiment(const Config& config, const runtime::Compute& compute);
  /// Between the stages: the generator takes over the guidance network's weights.
  void prepare(int64_t batch) override;
  runtime::Losses loss(int64_t batch) override;

 protected:
  Student& student() override { return student_; }

 private:
  enum class Turn { tuning, guidance, generator };
  Turn turn(int64_t batch) const;
  ScoreDraws draws(const at::Tensor& like) const;
  runtime::Losses tuning_loss(const TrajectoryBatch& pairs);
  runtime::Losses distillation_loss(const TrajectoryBatch& pairs, Turn turn);

  Dd2Student student_;
};

/// The experiment of a config's model.
std::unique_ptr<DistillExperiment> make_experiment(const Config& config, const runtime::Compute& compute);

}  // namespace arzoo::distill
