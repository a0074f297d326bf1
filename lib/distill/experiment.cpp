#include "distill/experiment.h"

#include <torch/torch.h>

#include "core/seeded_random.h"
#include "image/frechet_distance.h"
#include "image/model_folder.h"
#include "image/picture_report.h"
#include "runtime/named_tensors.h"

namespace arzoo::distill {
namespace {

const std::atomic<bool> kNeverStop = false;

/// [N, F] of latents [N, z, h, w].
at::Tensor coarse(const at::Tensor& latents) {
  constexpr int64_t kMostSide = 4;
  const int64_t height = std::min(kMostSide, latents.size(2)), width = std::min(kMostSide, latents.size(3));
  return at::adaptive_avg_pool2d(latents, {height, width}).flatten(1).cpu();
}

}  // namespace

DistillExperiment::DistillExperiment(const Config& config, const Teacher& teacher,
                                     const runtime::Compute& compute)
    : compute_(compute),
      evaluation_(config.at("evaluation").as<EvaluationOptions>()),
      training_(config.at("training").as<runtime::TrainingOptions>()),
      teacher_(teacher),
      trajectories_(config, teacher, compute),
      model_section_(config.json().at("model")),
      order_(trajectories_.pairs(), config.json().at("seed").get<int64_t>(), training_.batch_size,
             compute.share) {}

std::vector<std::string> DistillExperiment::notes() const {
  return {fmt::format("teacher {}; {} pairs train, {} validate", teacher_.folder().path.string(),
                      trajectories_.pairs(), trajectories_.held_out())};
}

bool DistillExperiment::is_second_step() { return at::rand({1}).item<double>() < 0.5; }

TrajectoryBatch DistillExperiment::training_batch(int64_t batch) {
  SilentProgress silent;
  trajectories_.prepare(silent, kNeverStop);
  return trajectories_.training(order_.batch(batch));
}

at::Tensor DistillExperiment::teacher_latents(int64_t count) {
  std::vector<at::Tensor> latents;
  for (int64_t first = 0; first < count; first += evaluation_.batch_size) {
    const auto pairs = trajectories_.validating(first, std::min(evaluation_.batch_size, count - first));
    latents.push_back(student().latents(teacher_.tokens(pairs.ends)));
  }
  return at::cat(latents);
}

at::Tensor DistillExperiment::student_latents(int64_t count, int64_t steps) {
  std::vector<at::Tensor> latents;
  for (int64_t first = 0; first < count; first += evaluation_.batch_size) {
    const auto size = std::min(evaluation_.batch_size, count - first);
    const auto pairs = trajectories_.validating(first, size);
    nn::SeededRandomInputs random_inputs(
        item_seeds(0, static_cast<uint64_t>(first), static_cast<std::size_t>(size)));
    latents.push_back(student().latents(student().sample(pairs.labels, pairs.noise, steps, random_inputs)));
  }
  return at::cat(latents);
}

runtime::Metrics DistillExperiment::evaluate(runtime::Split) {
  SilentProgress silent;
  trajectories_.prepare(silent, kNeverStop);
  model().eval();
  const torch::NoGradGuard no_grad;
  const int64_t count = trajectories_.held_out();
  const auto real = image::FeatureStatistics::of(coarse(teacher_latents(count)));
  runtime::Metrics metrics;
  for (int64_t steps = 1; steps <= student().most_steps(); ++steps) {
    const auto made = image::FeatureStatistics::of(coarse(student_latents(count, steps)));
    metrics.emplace_back(steps == 1 ? "distance" : fmt::format("distance_{}", steps),
                         image::frechet_distance(real, made));
  }
  return metrics;
}

void DistillExperiment::save(const std::filesystem::path& folder) {
  image::ModelFolder own{.path = folder,
                         .model = teacher_.completed(model_section_),
                         .classes = teacher_.folder().classes,
                         .facts = teacher_.folder().facts,
                         .sampling = teacher_.folder().sampling};
  runtime::save_model(own, model());
  own.path = folder / "vae";
  own.model = teacher_.tokenizer_section();
  runtime::save_model(own, teacher_.tokenizer(), model().parameters().front().scalar_type());
}

void DistillExperiment::load(const std::filesystem::path& folder) {
  runtime::load_strictly(model(), runtime::open_tensors(folder), folder.string());
}

std::vector<ReportSection> DistillExperiment::showcase() {
  const int64_t shown = std::min(evaluation_.shown, trajectories_.held_out());
  if (shown == 0) return {};
  const torch::NoGradGuard no_grad;
  model().eval();
  const int64_t columns = std::min(shown, teacher_.classes());
  const auto grid = [&](const at::Tensor& latents, const std::string& caption) {
    const auto pictures = student().pictures(latents).add_(1.0).mul_(0.5).cpu();
    return image::report_grid(pictures, teacher_.folder().facts.channels, columns, caption);
  };
  ReportSection section{"Samples", {}};
  for (int64_t steps = 1; steps <= student().most_steps(); ++steps)
    section.content.push_back(
        grid(student_latents(shown, steps), fmt::format("the student, in {} step(s)", steps)));
  section.content.push_back(grid(teacher_latents(shown), "its teacher, from the same noise"));
  return {section};
}

}  // namespace arzoo::distill
