#include "distill/student_generator.h"

#include <torch/torch.h>

#include "distill/models.h"
#include "distill/student_builder.h"
#include "image/var_source.h"
#include "kernels/packed_weights.h"
#include "runtime/generation_options.h"
#include "runtime/parameter_count.h"

namespace arzoo::distill {

StudentGenerator::StudentGenerator(Parts parts, const Json& asked, const runtime::Compute& compute)
    : parts_(std::move(parts)), device_(compute.device) {
  const auto options = runtime::generation_options<StudentGenerationOptions>(asked, {}, "distilled student");
  steps_ = options.steps.value_or(parts_.teacher ? 2 : 1);
  if (steps_ < 1 || steps_ > student().most_steps())
    fail<UsageError>("--steps: {} steps, this student generates in {}", steps_,
                     student().most_steps() == 1 ? "1" : "1 or 2");
  if (parts_.teacher && steps_ != 2)
    fail<UsageError>("--teacher: generates between two steps, --steps says 1");
  if (parts_.folder) {
    class_names_ = parts_.folder->classes;
    channels_ = parts_.folder->facts.channels;
  }
  settings_["model"] = parts_.name;
  settings_["weights"] = parts_.weights;
  settings_["steps"] = steps_;
  if (parts_.teacher) open_teacher(compute.dtype);
  prepare(compute);
}

void StudentGenerator::open_teacher(at::ScalarType type) {
  const auto opened = image::open_var(*parts_.teacher, "", type);
  teacher_ = opened.model;
  // What the published students were measured with.
  image::VarSampling sampling;
  sampling.cfg_scale = 2.0;
  sampling.scales = {{.top_k = 900, .top_p = 0.95}};
  if (opened.folder) {
    sampling = image::var_sampling(runtime::generation_options<image::VarGenerationOptions>(
                                       {}, opened.folder->sampling, image::VarOptions::kName),
                                   teacher_->grids().size());
  }
  student().take_teacher(teacher_, sampling, parts_.teacher_scales);
  settings_["teacher"] = opened.file.string();
  settings_["teacher_steps"] = parts_.teacher_scales;
}

void StudentGenerator::prepare(const runtime::Compute& compute) {
  auto &module = student().module(), &tokenizer = *parts_.built.tokenizer;
  parameters_ = runtime::count_parameters(module).all + runtime::count_parameters(tokenizer).all;
  settings_["dtype"] = runtime::precision_name(compute);
  if (teacher_ != nullptr) parameters_ += runtime::count_parameters(*teacher_).all;
  for (torch::nn::Module* part :
       std::initializer_list<torch::nn::Module*>{&module, &tokenizer, teacher_.get()}) {
    if (part == nullptr) continue;
    part->eval();
    part->to(compute.device);
  }
  quantized_ = kernels::quantized_weights(module, compute.quantization);
  if (!compute.device.is_cpu()) return;
  if (!compute.quantizes()) kernels::pack_for_inference(module);
  if (!compute.quantizes() && teacher_ != nullptr) kernels::pack_for_inference(*teacher_);
  kernels::pack_for_inference(tokenizer);
}

void StudentGenerator::edit(const at::Tensor&, const at::Tensor&) {
  fail<UsageError>("--edit: a distilled student generates whole pictures, its teacher can edit one");
}

at::Tensor StudentGenerator::sample(const runtime::ImageBatch& batch,
                                    const runtime::StepWatcher& watcher) const {
  const torch::NoGradGuard no_grad;
  const kernels::QuantizedScope scope(quantized_.get());
  nn::SeededRandomInputs random_inputs(batch.seeds);
  const auto tokens = student().sample(batch.labels.to(device_), student().noise(batch.seeds).to(device_),
                                       steps_, random_inputs);
  const auto pictures = student().pictures(student().latents(tokens)).add_(1.0).mul_(0.5).cpu();
  for (int64_t step = 0; step < steps_; ++step) watcher(step, [&] { return pictures; });
  return pictures;
}

std::unique_ptr<runtime::ImageGenerator> open_student_generator(const runtime::ImageSource& source,
                                                                const Json& sampling,
                                                                const runtime::Compute& compute) {
  if (source.drafter || source.refiner || source.draft_steps)
    fail<UsageError>("--draft-steps: means nothing to a distilled student, which generates alone");
  StudentGenerator::Parts parts;
  if (std::filesystem::is_directory(source.model)) parts.folder = image::find_model_folder(source.model);
  parts.name = parts.folder ? parts.folder->model.value("name", "") : Dd1VarOptions::kName;
  parts.weights = (parts.folder ? parts.folder->path : source.model).string();
  parts.built = parts.folder ? open_student(*parts.folder, source, compute.dtype)
                             : open_published(source, compute.dtype);
  parts.teacher = source.teacher;
  parts.teacher_scales = source.teacher_scales;
  return std::make_unique<StudentGenerator>(std::move(parts), sampling, compute);
}

std::unique_ptr<runtime::ImageGenerator> random_student_generator(const std::vector<Config>& models,
                                                                  std::optional<int64_t>,
                                                                  const Json& sampling,
                                                                  const runtime::Compute& compute,
                                                                  const Json&) {
  const auto& model = models.front();
  StudentGenerator::Parts parts;
  parts.name = model.text("name");
  parts.weights = model.name();
  parts.built = random_student(model, compute.dtype);
  return std::make_unique<StudentGenerator>(std::move(parts), sampling, compute);
}

}  // namespace arzoo::distill
