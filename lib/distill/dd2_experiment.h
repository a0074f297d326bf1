#pragma once

#include "distill/dd2_student.h"
#include "distill/experiment.h"
#include "distill/flowar_student.h"
#include "distill/flowar_students.h"
#include "distill/flowar_teacher.h"
#include "distill/score_losses.h"
#include "distill/var_teacher.h"

namespace arzoo::distill {

/// Distilled Decoding 2: a generator and a guidance network, which both begin as what tells the teacher's
/// conditional score, take turns. Each of them is updated by its own losses alone. A first stage prepares
/// them.
class Dd2Experiment : public DistillExperiment {
 public:
  void prepare(int64_t batch) override;
  runtime::Losses loss(int64_t batch) override;
  /// Nothing of an epoch that ends within the first stage: its generator is no result yet, however near.
  runtime::Metrics evaluate(runtime::Split split) override;

 protected:
  /// tuning_steps: of the first stage.
  Dd2Experiment(const Config& config, const Teacher& teacher, const ScoreDistillation& options,
                int64_t tuning_steps, const runtime::Compute& compute)
      : DistillExperiment(config, teacher, compute), options_(options), tuning_steps_(tuning_steps) {}

  struct Networks {
    ArDiffusion &generator, &guidance;
    int64_t kept_tokens;  ///< that a second step keeps
  };
  virtual Networks networks() = 0;
  /// The tokens at the ends of trajectories, in the networks' units.
  virtual at::Tensor tokens(const at::Tensor& ends) const = 0;
  /// The teacher's conditional score given tokens q [B, L, z].
  virtual TeacherMean teacher_mean(const at::Tensor& labels, const at::Tensor& q) const = 0;
  /// Even times in [0, 1) for tokens [B, L, z], [B, L, 1], from the default generator.
  virtual at::Tensor even_times(const at::Tensor& like) const = 0;
  /// The first stage's.
  virtual runtime::Losses tuning_loss(const TrajectoryBatch& pairs) = 0;
  /// Called once it is over.
  virtual void end_tuning() {}
  /// The generator's, of tokens q that it made of noise, the first of which were given; csd: the CSD loss.
  virtual runtime::Losses generator_loss(const at::Tensor& csd, const at::Tensor& /*q*/,
                                         const at::Tensor& /*ends*/, int64_t /*first*/) const {
    return {csd, {{"csd", csd.detach()}}};
  }
  /// The noise that a generator starts from: [B, L, z], with the first tokens given.
  virtual at::Tensor start(const TrajectoryBatch& pairs, int64_t first) const;
  /// 0, or half of the time, as in a second step, the tokens that it keeps. From the default generator.
  int64_t sampled_first();

  ScoreRandomInputs random_inputs(const at::Tensor& like) const;

 private:
  enum class Turn { tuning, guidance, generator };
  Turn turn(int64_t batch) const;
  runtime::Losses distillation_loss(const TrajectoryBatch& pairs, Turn turn);

  ScoreDistillation options_;
  int64_t tuning_steps_;
  bool in_tuning_ = false;  ///< as far as training is known to be
};

/// Of a VAR, which is tuned first: the guidance network learns to tell its score (GTS loss).
class Dd2VarExperiment : public Dd2Experiment {
 public:
  Dd2VarExperiment(const Config& config, std::unique_ptr<VarTeacher> teacher,
                   const runtime::Compute& compute);

 protected:
  Student& student() override { return student_; }
  Networks networks() override { return {student_.generator(), student_.guidance(), student_.kept_tokens()}; }
  at::Tensor tokens(const at::Tensor& ends) const override;
  TeacherMean teacher_mean(const at::Tensor& labels, const at::Tensor& q) const override;
  at::Tensor even_times(const at::Tensor& like) const override;
  runtime::Losses tuning_loss(const TrajectoryBatch& pairs) override;
  /// The generator takes over the guidance network's weights.
  void end_tuning() override;

 private:
  std::unique_ptr<VarTeacher> teacher_;
  Dd2Student student_;
};

/// Of a FlowAR, whose flow network tells its score as it is. In the first stage the generator learns where
/// the flow leads (Distilled Decoding 1), from which a part of the second one's loss keeps it.
class Dd2FlowArExperiment : public Dd2Experiment {
 public:
  Dd2FlowArExperiment(const Config& config, std::unique_ptr<FlowArTeacher> teacher,
                      const runtime::Compute& compute);

 protected:
  Student& student() override { return student_; }
  Networks networks() override { return {student_.generator(), student_.guidance(), student_.kept_tokens()}; }
  at::Tensor tokens(const at::Tensor& ends) const override { return ends; }
  TeacherMean teacher_mean(const at::Tensor& labels, const at::Tensor& q) const override {
    return teacher_->mean(labels, q);
  }
  /// One for all tokens of a scale.
  at::Tensor even_times(const at::Tensor& like) const override;
  runtime::Losses tuning_loss(const TrajectoryBatch& pairs) override;
  runtime::Losses generator_loss(const at::Tensor& csd, const at::Tensor& q, const at::Tensor& ends,
                                 int64_t first) const override;
  at::Tensor start(const TrajectoryBatch& pairs, int64_t first) const override;

 private:
  std::unique_ptr<FlowArTeacher> teacher_;
  Dd2FlowArOptions flowar_;
  FlowArStudent student_;
};

}  // namespace arzoo::distill
