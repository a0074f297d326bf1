#include "distill/student_generator.h"

#include <torch/torch.h>

#include "core/tensor_files.h"
#include "core/zoo.h"
#include "distill/dd1_student.h"
#include "distill/models.h"
#include "distill/trajectories.h"
#include "image/var_source.h"
#include "nn/packed_weights.h"
#include "runtime/parameter_count.h"

namespace arzoo::distill {
namespace {

namespace fs = std::filesystem;

/// Where the trainer of Distilled Decoding keeps the averaged weights of a VAR's student.
constexpr const char* kPublishedDict = "trainer.ema_parameters";
/// What only a student of Distilled Decoding 1 has.
constexpr std::string_view kOwnWeight = "final_layer_conti.linear.weight";
constexpr std::string_view kLevels = "layerwise_n_d_embed.0.weight";

/// The split of the published students: 5 scales of the smallest, 4 of the larger ones.
int64_t published_split(const image::VarOptions& var) {
  constexpr int64_t kSmallDepth = 16;
  const int64_t split = var.depth <= kSmallDepth ? 5 : 4;
  return std::min(split, static_cast<int64_t>(var.patch_nums.size()));
}

bool is_student_name(const std::string& name) {
  return std::apply([&](const auto&... options) { return ((name == options.kName) || ...); }, Models());
}

void freeze(torch::nn::Module& module) {
  module.eval();
  for (auto& parameter : module.parameters()) parameter.requires_grad_(false);
}

/// Weights of a file that holds more than the model: the rest is left alone.
void load_own(torch::nn::Module& module, const runtime::NamedTensors& weights) {
  const auto own = runtime::state_dict(module);
  runtime::load_strictly(module, weights, weights.where(),
                         [&own](std::string_view name) { return !own.contains(name); });
  freeze(module);
}

StudentGenerator::Parts open_folder(const image::ModelFolder& folder, const image::GeneratorSource& source,
                                    at::ScalarType type) {
  const Config model(folder.model, (folder.path / "config.json").string(), "/model");
  StudentGenerator::Parts parts;
  parts.folder = folder;
  parts.name = model.text("name");
  parts.weights = folder.path.string();
  parts.vae = image::open_tokenizer(folder, folder.path, teacher_options(model).patch_nums, source.vae, type);
  parts.student = build_student(model, *parts.vae, /*training=*/false);
  parts.student->set_type(type);
  load_own(parts.student->module(), runtime::open_tensors(folder.path));
  return parts;
}

StudentGenerator::Parts open_file(const image::GeneratorSource& source, at::ScalarType type) {
  const auto dicts = describe_tensors(source.model).state_dicts;
  const bool trainer =
      source.state_dict.empty() && std::find(dicts.begin(), dicts.end(), kPublishedDict) != dicts.end();
  const auto weights = runtime::open_tensors(source.model, trainer ? kPublishedDict : source.state_dict);
  if (!weights.contains(kLevels))
    fail<CheckpointError>("{}: a student of another teacher than VAR, which cannot draw here (no {})",
                          source.model.string(), kLevels);
  Dd1VarOptions options;
  options.var = image::var_options_of(weights);
  options.var.patch_nums.erase(options.var.patch_nums.begin());
  options.var.vae.v_patch_nums = options.var.patch_nums;
  options.loss_split_t = published_split(options.var);
  StudentGenerator::Parts parts;
  parts.name = Dd1VarOptions::kName;
  parts.weights = source.model.string();
  parts.vae = image::open_tokenizer(std::nullopt, source.model, options.var.patch_nums, source.vae, type);
  Json model{{"name", Dd1VarOptions::kName}};
  model.update(to_json(options));
  parts.student = build_student(Config(model, source.model.string()), *parts.vae, /*training=*/false);
  parts.student->set_type(type);
  load_own(parts.student->module(), weights);
  return parts;
}

void refuse(bool given, const char* option, const char* reason) {
  if (given) fail<UsageError>("{}: means nothing to a distilled student, {}", option, reason);
}

void check_options(const image::GenerationOptions& options) {
  constexpr const char* kBaked = "which has learnt how its teacher draws";
  refuse(options.cfg.has_value(), "--cfg", kBaked);
  refuse(!options.top_k.empty(), "--top-k", kBaked);
  refuse(!options.top_p.empty(), "--top-p", kBaked);
  refuse(!options.temperature.empty(), "--temperature", kBaked);
  refuse(options.more_smooth, "--smooth", kBaked);
  refuse(!options.depth_schedule.empty(), "--depth-schedule", "whose scales pass together");
  refuse(options.denoising_steps.has_value(), "--denoising-steps", kBaked);
  refuse(!options.cfg_schedule.empty(), "--cfg-schedule", kBaked);
  refuse(!options.solver.empty(), "--solver", kBaked);
  refuse(options.guidance.has_value(), "--guidance", kBaked);
}

}  // namespace

bool is_student(const image::GeneratorSource& source) {
  if (source.drafter || source.refiner || !fs::exists(source.model)) return false;
  if (fs::is_directory(source.model)) {
    const auto folder = image::find_model_folder(source.model);
    return folder && is_student_name(folder->model.value("name", ""));
  }
  const auto summary = describe_tensors(source.model);
  return std::any_of(summary.tensors.begin(), summary.tensors.end(),
                     [](const auto& row) { return row.name.ends_with(kOwnWeight); });
}

StudentGenerator::StudentGenerator(Parts parts, const image::GenerationOptions& options,
                                   const runtime::Compute& compute)
    : parts_(std::move(parts)), device_(compute.device) {
  check_options(options);
  auto& student = *parts_.student;
  grids_ = image::square_grids(student.var().patch_nums);
  side_ = grids_.back().height * parts_.vae->options().downsampling();
  steps_ = options.steps.value_or(parts_.teacher.model.empty() ? 1 : 2);
  if (steps_ < 1 || steps_ > student.most_steps())
    fail<UsageError>("--steps: {} steps, this student draws in {}", steps_,
                     student.most_steps() == 1 ? "1" : "1 or 2");
  if (!parts_.teacher.model.empty() && steps_ != 2)
    fail<UsageError>("--teacher: draws between two steps, --steps says 1");
  if (parts_.folder) {
    class_names_ = parts_.folder->classes;
    channels_ = parts_.folder->channels;
  }
  settings_["model"] = parts_.name;
  settings_["weights"] = parts_.weights;
  settings_["steps"] = steps_;
  if (!parts_.teacher.model.empty()) open_teacher(compute.dtype);
  prepare(compute);
}

void StudentGenerator::open_teacher(at::ScalarType type) {
  const auto opened = image::open_var(parts_.teacher.model, "", type);
  teacher_ = opened.model;
  // What the published students were measured with.
  image::VarSampling sampling;
  sampling.cfg_scale = 2.0;
  sampling.scales = {{.top_k = 900, .top_p = 0.95}};
  if (opened.folder) {
    const auto& own = opened.folder->sampling;
    sampling.cfg_scale = own.cfg.value_or(image::VarSampling().cfg_scale);
    sampling.scales = {{own.top_k, own.top_p, own.temperature}};
  }
  parts_.student->take_teacher(teacher_, sampling, parts_.teacher.scales);
  settings_["teacher"] = opened.file.string();
  settings_["teacher_steps"] = parts_.teacher.scales;
}

void StudentGenerator::prepare(const runtime::Compute& compute) {
  auto& module = parts_.student->module();
  parameters_ = runtime::count_parameters(module).all + runtime::count_parameters(*parts_.vae).all;
  settings_["dtype"] = runtime::precision_name(compute);
  if (teacher_ != nullptr) parameters_ += runtime::count_parameters(*teacher_).all;
  for (torch::nn::Module* part :
       std::initializer_list<torch::nn::Module*>{&module, parts_.vae.get(), teacher_.get()}) {
    if (part == nullptr) continue;
    part->eval();
    part->to(compute.device);
  }
  if (compute.int8) int8_ = std::make_shared<nn::Int8Weights>(module);
  if (!compute.device.is_cpu()) return;
  if (!compute.int8) nn::pack_for_inference(module);
  if (!compute.int8 && teacher_ != nullptr) nn::pack_for_inference(*teacher_);
  nn::pack_for_inference(*parts_.vae);
}

void StudentGenerator::edit(const at::Tensor&, const at::Tensor&) {
  fail<UsageError>("--edit: a distilled student draws whole pictures, its teacher can draw on one");
}

at::Tensor StudentGenerator::draw(const image::PictureBatch& batch, const image::StepWatcher& watcher) const {
  const torch::NoGradGuard no_grad;
  const nn::Int8Scope int8(int8_.get());
  auto& student = *parts_.student;
  const auto noise =
      picture_noise(batch.seeds, image::tokens_of(grids_), student.var().vae.z_channels, student.noise_std())
          .to(device_);
  image::SeededDraws draws(batch.seeds);
  const auto tokens = student.draw(batch.labels.to(device_), noise, steps_, draws);
  const auto decode = [&] {
    const auto sum = parts_.vae->quantizer().sum_of(tokens, grids_);
    return parts_.vae->decode(sum).add_(1.0).mul_(0.5).cpu();
  };
  auto pictures = decode();
  for (int64_t step = 0; step < steps_; ++step) watcher(step, [&] { return pictures; });
  return pictures;
}

std::unique_ptr<image::ImageGenerator> open_generator(const image::GeneratorSource& source,
                                                      const image::GenerationOptions& options,
                                                      const runtime::Compute& compute,
                                                      const HelpingTeacher& teacher) {
  const auto folder = fs::is_directory(source.model) ? image::find_model_folder(source.model)
                                                     : std::optional<image::ModelFolder>();
  auto parts = folder ? open_folder(*folder, source, compute.dtype) : open_file(source, compute.dtype);
  parts.teacher = teacher;
  return std::make_unique<StudentGenerator>(std::move(parts), options, compute);
}

std::unique_ptr<image::ImageGenerator> random_generator(const Config& model,
                                                        const image::GenerationOptions& options,
                                                        const runtime::Compute& compute) {
  StudentGenerator::Parts parts;
  parts.name = model.text("name");
  parts.weights = model.name();
  const auto var = teacher_options(model);
  parts.vae = std::make_shared<image::Vqvae>(var.vae);
  parts.vae->set_type(compute.dtype);
  parts.vae->initialise();
  parts.student = build_student(model, *parts.vae, /*training=*/false);
  parts.student->set_type(compute.dtype);
  const torch::NoGradGuard no_grad;
  for (auto& parameter : parts.student->module().parameters()) parameter.normal_(0.0, 0.02);
  freeze(*parts.vae);
  freeze(parts.student->module());
  return std::make_unique<StudentGenerator>(std::move(parts), options, compute);
}

}  // namespace arzoo::distill
