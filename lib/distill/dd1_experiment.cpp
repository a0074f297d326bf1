#include "distill/dd1_experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "distill/fixture.h"
#include "distill/models.h"
#include "distill/student_entry.h"
#include "distill/var_teacher.h"

namespace arzoo::distill {

Dd1VarExperiment::Dd1VarExperiment(const Config& config, std::unique_ptr<VarTeacher> teacher,
                                   const runtime::Compute& compute)
    : DistillExperiment(config, *teacher, compute),
      teacher_(std::move(teacher)),
      student_(model_options<Dd1VarOptions>(config.at("model")), teacher_->vae()),
      mean_square_(teacher_->codebook().square().mean().item<double>()) {
  student_.model().start_from(teacher_->model());
  student_.model().to(compute.device);
}

runtime::Losses Dd1VarExperiment::loss(int64_t batch) {
  auto pairs = training_batch(batch);
  const auto& options = student_.options();
  auto& model = student_.model();
  const bool mapped = options.mapping == "flow";
  const bool later = student_.most_steps() == 2 && is_second_step();
  if (!mapped) pairs.noise = at::randn(pairs.noise.sizes()).to(pairs.noise.device()) * options.noise_std;
  const auto& ids = pairs.ends;
  const int64_t t = later ? options.loss_split_t : 0, first = model.known(t), all = ids.size(1);
  const auto codes = teacher_->tokens(ids);
  const Dd1Sampler sampler(model, teacher_->codebook());
  const auto hidden =
      model.hidden(pairs.labels, sampler.perturbed(codes, pairs.noise, t), t).part(first, all);
  const auto cross_entropy =
      at::cross_entropy_loss(model.logits(hidden).flatten(0, 1), ids.narrow(1, first, all - first).flatten());
  const auto embedding =
      at::mse_loss(model.continuous(hidden), codes.narrow(1, first, all - first)) / mean_square_;
  return {.total = cross_entropy + embedding * options.embedding_weight,
          .parts = {{"cross_entropy", cross_entropy.detach()}, {"embedding_error", embedding.detach()}},
          .samples = static_cast<double>(pairs.labels.size(0))};
}

Dd1LatentExperiment::Dd1LatentExperiment(const Config& config, std::unique_ptr<LatentTeacher> teacher,
                                         std::unique_ptr<LatentStudent> student, bool mapped,
                                         const runtime::Compute& compute)
    : DistillExperiment(config, *teacher, compute),
      teacher_(std::move(teacher)),
      student_(std::move(student)),
      mapped_(mapped) {
  student_->module().to(compute.device);
}

runtime::Losses Dd1LatentExperiment::loss(int64_t batch) {
  const auto pairs = training_batch(batch);
  const auto noise = mapped_ ? pairs.noise : at::randn(pairs.noise.sizes()).to(pairs.noise.device());
  const int64_t given = is_second_step() ? student_->kept_tokens() : 0;
  return {.total = student_->trajectory_error(pairs.labels, noise, pairs.ends, given),
          .samples = static_cast<double>(pairs.labels.size(0))};
}

namespace {

std::unique_ptr<runtime::Experiment> make_dd1_flowar(const Config& config, const runtime::Compute& compute) {
  const auto options = model_options<Dd1FlowArOptions>(config.at("model"));
  auto teacher = std::make_unique<FlowArTeacher>(config, compute);
  auto student = std::make_unique<FlowArStudent>(options.flowar, options.second_step, teacher->vae(),
                                                 /*with_guidance=*/false);
  student->generator().start_from(teacher->model());
  return std::make_unique<Dd1LatentExperiment>(config, std::move(teacher), std::move(student),
                                               options.mapping == "flow", compute);
}

std::unique_ptr<runtime::Experiment> make_dd1_mar(const Config& config, const runtime::Compute& compute) {
  const auto options = model_options<Dd1MarOptions>(config.at("model"));
  auto teacher = std::make_unique<MarTeacher>(config, compute);
  auto student = std::make_unique<MarStudent>(options.mar, options.second_step, teacher->vae());
  student->generator().start_from(teacher->model());
  return std::make_unique<Dd1LatentExperiment>(config, std::move(teacher), std::move(student),
                                               options.mapping == "flow", compute);
}

std::unique_ptr<runtime::Experiment> make_dd1_var(const Config& config, const runtime::Compute& compute) {
  const auto options = model_options<Dd1VarOptions>(config.at("model"));
  return std::make_unique<Dd1VarExperiment>(
      config, std::make_unique<VarTeacher>(config, options.noise_std, compute), compute);
}

}  // namespace

}  // namespace arzoo::distill

namespace arzoo::runtime {

template <>
const ModelEntry& entry<distill::Dd1VarOptions>() {
  static const auto entry = [] {
    auto made =
        distill::student_entry<distill::Dd1VarOptions>(&distill::make_dd1_var, &distill::is_published);
    made.replays = {{"DD_Model (VAR)", distill::replay_dd1_var},
                    {"DD_Model (VAR) + VAR teacher", distill::replay_dd1_var}};
    return made;
  }();
  return entry;
}

template <>
const ModelEntry& entry<distill::Dd1FlowArOptions>() {
  static const auto entry = distill::student_entry<distill::Dd1FlowArOptions>(&distill::make_dd1_flowar);
  return entry;
}

template <>
const ModelEntry& entry<distill::Dd1MarOptions>() {
  static const auto entry = distill::student_entry<distill::Dd1MarOptions>(&distill::make_dd1_mar);
  return entry;
}

}  // namespace arzoo::runtime
