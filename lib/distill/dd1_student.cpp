#include "distill/dd1_student.h"

#include <torch/torch.h>

namespace arzoo::distill {

Dd1Student::Dd1Student(const Dd1VarOptions& options, image::Vqvae& vae)
    : VarStudent(options.var, options.noise_std, vae), model_(std::make_shared<Dd1Var>(options)) {}

int64_t Dd1Student::most_steps() const {
  const auto scales = static_cast<int64_t>(options().var.patch_nums.size());
  return options().mapping == "flow" && options().loss_split_t < scales ? 2 : 1;
}

void Dd1Student::take_teacher(std::shared_ptr<image::Var> teacher, const image::VarSampling& sampling,
                              int64_t scales) {
  if (most_steps() < 2) return Student::take_teacher(teacher, sampling, scales);
  const int64_t last = options().loss_split_t;
  if (scales > last)
    fail<UsageError>("--teacher-steps: {} scales, there are {} before the second step", scales, last);
  if (!(teacher->grids() == model_->token_grids()) ||
      teacher->options().vae.vocab_size != options().var.vae.vocab_size)
    fail<CheckpointError>("--teacher: generates other tokens than the student");
  teacher_ = std::move(teacher);
  teacher_steps_.emplace(TeacherSteps{*teacher_, vae_, sampling, last - scales, last});
}

at::Tensor Dd1Student::sample_with_teacher(const at::Tensor& labels, const at::Tensor& noise,
                                           nn::TokenRandomInputs& random_inputs) {
  const auto& codebook = vae_.quantizer().codebook();
  const Dd1Sampler sampler(*model_, codebook);
  at::Tensor ids;
  if (teacher_steps_->first > 0) {
    const auto x = sampler.step(labels, noise, 0);
    ids = image::nearest_codes(x.flatten(0, 1), codebook).view({x.size(0), x.size(1)});
  }
  const auto kept = at::embedding(codebook, teacher_steps_->resampled(labels, ids, random_inputs));
  const int64_t t = teacher_steps_->last;
  return sampler.step(labels, sampler.perturbed(kept, noise, t), t);
}

at::Tensor Dd1Student::sample(const at::Tensor& labels, const at::Tensor& noise, int64_t steps,
                              nn::TokenRandomInputs& random_inputs) {
  const torch::NoGradGuard no_grad;
  const auto& codebook = vae_.quantizer().codebook();
  if (teacher_steps_ && steps == 2) return sample_with_teacher(labels, noise, random_inputs);
  const Dd1Sampler sampler(*model_, codebook, options().samples_codes() ? &random_inputs : nullptr);
  return sampler.sample(
      labels, noise, steps == 1 ? std::vector<int64_t>{0} : std::vector<int64_t>{0, options().loss_split_t});
}

}  // namespace arzoo::distill
