#include "distill/dd2_experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "distill/flowar_teacher.h"
#include "distill/student_entry.h"
#include "distill/var_teacher.h"

namespace arzoo::distill {

Dd2Experiment::Turn Dd2Experiment::turn(int64_t batch) const {
  const int64_t step = batch / training_.accumulation_steps - tuning_steps_;
  if (step < 0) return Turn::tuning;
  return step % (options_.guidance_steps + 1) < options_.guidance_steps ? Turn::guidance : Turn::generator;
}

void Dd2Experiment::prepare(int64_t batch) {
  in_tuning_ = turn(batch) == Turn::tuning;
  if (batch == tuning_steps_ * training_.accumulation_steps) end_tuning();
}

runtime::Metrics Dd2Experiment::evaluate(runtime::Split split) {
  if (in_tuning_ && split == runtime::Split::val) return {};
  return DistillExperiment::evaluate(split);
}

int64_t Dd2Experiment::sampled_first() { return is_second_step() ? networks().kept_tokens : 0; }

ScoreRandomInputs Dd2Experiment::random_inputs(const at::Tensor& like) const {
  const double least = options_.smallest_time;
  const auto t = even_times(like) * (1.0 - 2.0 * least) + least;
  return {t.to(like.device()), at::randn(like.sizes()).to(like.device())};
}

at::Tensor Dd2Experiment::start(const TrajectoryBatch& pairs, int64_t first) const {
  return with_given(at::randn(pairs.noise.sizes()).to(pairs.noise.device()), tokens(pairs.ends), first);
}

runtime::Losses Dd2Experiment::distillation_loss(const TrajectoryBatch& pairs, Turn turn) {
  const int64_t first = sampled_first();
  const auto noise = start(pairs, first);
  const auto own = networks();
  if (turn == Turn::guidance) {
    at::Tensor q;
    {
      const torch::NoGradGuard no_grad;
      q = own.generator.generate(pairs.labels, noise, first);
    }
    const auto terms = fcs_loss(own.guidance, pairs.labels, q, random_inputs(q), first);
    return {terms.loss, {{"fcs", terms.loss.detach()}}};
  }
  const auto q = own.generator.generate(pairs.labels, noise, first);
  const auto terms = csd_loss(own.guidance, pairs.labels, q, teacher_mean(pairs.labels, q.detach()),
                              random_inputs(q), options_.alpha, first);
  return generator_loss(with_gradient(terms.loss, q, terms.gradient), q, pairs.ends, first);
}

runtime::Losses Dd2Experiment::loss(int64_t batch) {
  const auto pairs = training_batch(batch);
  const auto whose = turn(batch);
  auto losses = whose == Turn::tuning ? tuning_loss(pairs) : distillation_loss(pairs, whose);
  losses.samples = static_cast<double>(pairs.labels.size(0));
  return losses;
}

Dd2VarExperiment::Dd2VarExperiment(const Config& config, std::unique_ptr<VarTeacher> teacher,
                                   const runtime::Compute& compute)
    : Dd2Experiment(config, *teacher, model_options<Dd2VarOptions>(config.at("model")).score,
                    model_options<Dd2VarOptions>(config.at("model")).tuning_steps, compute),
      teacher_(std::move(teacher)),
      student_(model_options<Dd2VarOptions>(config.at("model")), teacher_->vae(), /*training=*/true) {
  for (auto* network : {&student_.generator(), &student_.guidance()}) network->start_from(teacher_->model());
  student_.module().to(compute.device);
}

at::Tensor Dd2VarExperiment::tokens(const at::Tensor& ends) const {
  return at::embedding(student_.unit_codebook(), ends);
}

TeacherMean Dd2VarExperiment::teacher_mean(const at::Tensor& labels, const at::Tensor& q) const {
  return closed_form_mean(teacher_->logits(labels, student_.nearest(q)), student_.unit_codebook());
}

at::Tensor Dd2VarExperiment::even_times(const at::Tensor& like) const {
  return at::rand({like.size(0), like.size(1), 1});
}

runtime::Losses Dd2VarExperiment::tuning_loss(const TrajectoryBatch& pairs) {
  const auto q = tokens(pairs.ends);
  const auto teacher = closed_form_mean(teacher_->logits(pairs.labels, pairs.ends), student_.unit_codebook());
  const auto terms = gts_loss(student_.guidance(), pairs.labels, q, teacher, random_inputs(q));
  return {terms.loss, {{"gts", terms.loss.detach()}}};
}

void Dd2VarExperiment::end_tuning() { copy_weights(student_.generator(), student_.guidance()); }

Dd2FlowArExperiment::Dd2FlowArExperiment(const Config& config, std::unique_ptr<FlowArTeacher> teacher,
                                         const runtime::Compute& compute)
    : Dd2Experiment(config, *teacher, model_options<Dd2FlowArOptions>(config.at("model")).score,
                    model_options<Dd2FlowArOptions>(config.at("model")).tuning_steps, compute),
      teacher_(std::move(teacher)),
      flowar_(model_options<Dd2FlowArOptions>(config.at("model"))),
      student_(flowar_.flowar, flowar_.second_step, teacher_->vae(), /*with_guidance=*/true) {
  for (auto* network : {&student_.generator(), &student_.guidance()}) network->start_from(teacher_->model());
  student_.module().to(compute.device);
}

at::Tensor Dd2FlowArExperiment::start(const TrajectoryBatch& pairs, int64_t first) const {
  // Noise whose end is known, if that is asked for.
  if (flowar_.trajectory_weight == 0.0) return Dd2Experiment::start(pairs, first);
  return with_given(pairs.noise, pairs.ends, first);
}

runtime::Losses Dd2FlowArExperiment::tuning_loss(const TrajectoryBatch& pairs) {
  return {student_.trajectory_error(pairs.labels, pairs.noise, pairs.ends, sampled_first())};
}

runtime::Losses Dd2FlowArExperiment::generator_loss(const at::Tensor& csd, const at::Tensor& q,
                                                    const at::Tensor& ends, int64_t first) const {
  if (flowar_.trajectory_weight == 0.0) return Dd2Experiment::generator_loss(csd, q, ends, first);
  const auto error = at::mse_loss(tokens_from(q, first), tokens_from(ends, first), at::Reduction::Sum) /
                     static_cast<double>(q.size(0));
  return {csd + error * flowar_.trajectory_weight,
          {{"csd", csd.detach()}, {"trajectory_error", error.detach()}}};
}

at::Tensor Dd2FlowArExperiment::even_times(const at::Tensor& like) const {
  const auto& grids = teacher_->model().grids();
  const auto times = at::rand({like.size(0), static_cast<int64_t>(grids.size()), 1});
  std::vector<int64_t> counts;
  for (const auto& grid : grids) counts.push_back(grid.tokens());
  return at::repeat_interleave(times, at::tensor(counts, at::kLong), 1);
}

namespace {

std::unique_ptr<runtime::Experiment> make_dd2_var(const Config& config, const runtime::Compute& compute) {
  const auto options = model_options<Dd2VarOptions>(config.at("model"));
  return std::make_unique<Dd2VarExperiment>(
      config, std::make_unique<VarTeacher>(config, options.noise_std, compute), compute);
}

std::unique_ptr<runtime::Experiment> make_dd2_flowar(const Config& config, const runtime::Compute& compute) {
  return std::make_unique<Dd2FlowArExperiment>(config, std::make_unique<FlowArTeacher>(config, compute),
                                               compute);
}

}  // namespace

}  // namespace arzoo::distill

namespace arzoo::runtime {

template <>
const ModelEntry& entry<distill::Dd2VarOptions>() {
  static const auto entry = distill::student_entry<distill::Dd2VarOptions>(&distill::make_dd2_var);
  return entry;
}

template <>
const ModelEntry& entry<distill::Dd2FlowArOptions>() {
  static const auto entry = distill::student_entry<distill::Dd2FlowArOptions>(&distill::make_dd2_flowar);
  return entry;
}

}  // namespace arzoo::runtime
