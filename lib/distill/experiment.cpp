#include "distill/experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "image/frechet_distance.h"
#include "image/picture_report.h"
#include "image/saved_model.h"
#include "nn/seeded_noise.h"
#include "runtime/named_tensors.h"

namespace arzoo::distill {
namespace {

const std::atomic<bool> kNeverStop = false;

/// [N, F] of sums of code vectors [N, z, h, w].
at::Tensor coarse(const at::Tensor& features) {
  constexpr int64_t kMostSide = 4;
  const int64_t height = std::min(kMostSide, features.size(2)), width = std::min(kMostSide, features.size(3));
  return at::adaptive_avg_pool2d(features, {height, width}).flatten(1).cpu();
}

image::ModelFolder tokenizer_folder(const image::ModelFolder& own, const image::VqvaeOptions& options) {
  auto folder = own;
  folder.path = own.path / "vae";
  folder.model = {{"name", image::VqvaeOptions::kName}};
  folder.model.update(arzoo::to_json(options));
  return folder;
}

}  // namespace

DistillExperiment::DistillExperiment(const Config& config, const runtime::Compute& compute)
    : compute_(compute),
      evaluation_(config.at("evaluation").as<EvaluationOptions>()),
      training_(config.at("training").as<runtime::TrainingOptions>()),
      teacher_(config, compute),
      trajectories_(config, teacher_, config.json().at("model").at("noise_std").get<double>(), compute),
      model_section_(config.json().at("model")),
      order_(trajectories_.pairs(), config.json().at("seed").get<int64_t>(), training_.batch_size) {}

std::vector<std::string> DistillExperiment::notes() const {
  return {fmt::format("teacher {}; {} pairs train, {} validate", teacher_.folder().path.string(),
                      trajectories_.pairs(), trajectories_.held_out())};
}

TrajectoryBatch DistillExperiment::training_batch(int64_t batch) {
  SilentProgress silent;
  trajectories_.prepare(silent, kNeverStop);
  return trajectories_.training(order_.batch(batch));
}

at::Tensor DistillExperiment::teacher_features(int64_t count) {
  std::vector<at::Tensor> features;
  const auto& quantizer = teacher_.vae().quantizer();
  for (int64_t first = 0; first < count; first += evaluation_.batch_size) {
    const auto pairs = trajectories_.validating(first, std::min(evaluation_.batch_size, count - first));
    features.push_back(
        quantizer.sum_of(at::embedding(teacher_.codebook(), pairs.ids), teacher_.model().grids()));
  }
  return at::cat(features);
}

at::Tensor DistillExperiment::student_features(int64_t count, int64_t steps) {
  std::vector<at::Tensor> features;
  for (int64_t first = 0; first < count; first += evaluation_.batch_size) {
    const auto size = std::min(evaluation_.batch_size, count - first);
    const auto pairs = trajectories_.validating(first, size);
    image::SeededDraws draws(nn::item_seeds(0, static_cast<uint64_t>(first), static_cast<std::size_t>(size)));
    const auto drawn = student().draw(pairs.labels, pairs.noise, steps, draws);
    features.push_back(teacher_.vae().quantizer().sum_of(drawn, teacher_.model().grids()));
  }
  return at::cat(features);
}

runtime::Metrics DistillExperiment::evaluate(runtime::Split) {
  SilentProgress silent;
  trajectories_.prepare(silent, kNeverStop);
  model().eval();
  const torch::NoGradGuard no_grad;
  const int64_t count = trajectories_.held_out();
  const auto real = image::FeatureStatistics::of(coarse(teacher_features(count)));
  runtime::Metrics metrics;
  for (int64_t steps = 1; steps <= student().most_steps(); ++steps) {
    const auto made = image::FeatureStatistics::of(coarse(student_features(count, steps)));
    metrics.emplace_back(steps == 1 ? "distance" : fmt::format("distance_{}", steps),
                         image::frechet_distance(real, made));
  }
  return metrics;
}

void DistillExperiment::save(const std::filesystem::path& folder) {
  image::ModelFolder own{.path = folder,
                         .model = model_section_,
                         .classes = teacher_.folder().classes,
                         .channels = teacher_.folder().channels,
                         .sampling = teacher_.folder().sampling};
  image::save_model(own, model());
  image::save_model(tokenizer_folder(own, teacher_.vae().options()), teacher_.vae(),
                    model().parameters().front().scalar_type());
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
  const auto grid = [&](const at::Tensor& features, const std::string& caption) {
    const auto pictures = teacher_.vae().decode(features).add_(1.0).mul_(0.5).cpu();
    return image::report_grid(pictures, teacher_.folder().channels, columns, caption);
  };
  ReportSection section{"Samples", {}};
  for (int64_t steps = 1; steps <= student().most_steps(); ++steps)
    section.content.push_back(
        grid(student_features(shown, steps), fmt::format("the student, in {} step(s)", steps)));
  section.content.push_back(grid(teacher_features(shown), "its teacher, from the same noise"));
  return {section};
}

Dd1Experiment::Dd1Experiment(const Config& config, const runtime::Compute& compute)
    : DistillExperiment(config, compute),
      student_(model_options<Dd1VarOptions>(config.at("model")), teacher_.vae()),
      mean_square_(teacher_.codebook().square().mean().item<double>()) {
  student_.model().start_from(teacher_.model());
  student_.model().to(compute.device);
}

runtime::Losses Dd1Experiment::loss(int64_t batch) {
  auto pairs = training_batch(batch);
  const auto& options = student_.options();
  auto& model = student_.model();
  const bool mapped = options.mapping == "flow";
  const bool later = student_.most_steps() == 2 && at::rand({1}).item<double>() < 0.5;
  if (!mapped) pairs.noise = at::randn(pairs.noise.sizes()).to(pairs.noise.device()) * options.noise_std;
  const int64_t t = later ? options.loss_split_t : 0, first = model.known(t), all = pairs.ids.size(1);
  const auto codes = at::embedding(teacher_.codebook(), pairs.ids);
  const Dd1Sampler sampler(model, teacher_.codebook());
  const auto hidden =
      model.hidden(pairs.labels, sampler.perturbed(codes, pairs.noise, t), t).part(first, all);
  const auto cross_entropy = at::cross_entropy_loss(model.logits(hidden).flatten(0, 1),
                                                    pairs.ids.narrow(1, first, all - first).flatten());
  const auto embedding =
      at::mse_loss(model.continuous(hidden), codes.narrow(1, first, all - first)) / mean_square_;
  return {cross_entropy + embedding * options.embedding_weight,
          {{"cross_entropy", cross_entropy.detach()}, {"embedding_error", embedding.detach()}}};
}

Dd2Experiment::Dd2Experiment(const Config& config, const runtime::Compute& compute)
    : DistillExperiment(config, compute),
      student_(model_options<Dd2VarOptions>(config.at("model")), teacher_.vae(), /*training=*/true) {
  for (auto* network : {&student_.generator(), &student_.guidance()}) network->start_from(teacher_.model());
  student_.module().to(compute.device);
}

Dd2Experiment::Turn Dd2Experiment::turn(int64_t batch) const {
  const auto& options = student_.options();
  const int64_t step = batch / training_.accumulation_steps - options.tuning_steps;
  if (step < 0) return Turn::tuning;
  return step % (options.guidance_steps + 1) < options.guidance_steps ? Turn::guidance : Turn::generator;
}

void Dd2Experiment::prepare(int64_t batch) {
  if (batch != student_.options().tuning_steps * training_.accumulation_steps) return;
  const torch::NoGradGuard no_grad;
  const auto tuned = student_.guidance().parameters();
  auto own = student_.generator().parameters();
  for (std::size_t i = 0; i < own.size(); ++i) own[i].copy_(tuned[i]);
}

ScoreDraws Dd2Experiment::draws(const at::Tensor& like) const {
  const double least = student_.options().smallest_time;
  const auto t = at::rand({like.size(0), like.size(1), 1}) * (1.0 - 2.0 * least) + least;
  return {t.to(like.device()), at::randn(like.sizes()).to(like.device())};
}

runtime::Losses Dd2Experiment::tuning_loss(const TrajectoryBatch& pairs) {
  const auto codebook = student_.unit_codebook();
  const auto q = at::embedding(codebook, pairs.ids);
  const auto terms = gts_loss(student_.guidance(), pairs.labels, q, teacher_.logits(pairs.labels, pairs.ids),
                              codebook, draws(q));
  return {terms.loss, {{"gts", terms.loss.detach()}}};
}

runtime::Losses Dd2Experiment::distillation_loss(const TrajectoryBatch& pairs, Turn turn) {
  const auto codebook = student_.unit_codebook();
  // Half of the time as in a second step, after tokens that are there.
  const int64_t first = at::rand({1}).item<double>() < 0.5 ? student_.kept_tokens() : 0;
  auto noise = at::randn(pairs.noise.sizes()).to(pairs.noise.device());
  if (first > 0) noise.narrow(1, 0, first).copy_(at::embedding(codebook, pairs.ids.narrow(1, 0, first)));
  if (turn == Turn::guidance) {
    at::Tensor q;
    {
      const torch::NoGradGuard no_grad;
      q = student_.generator().generate(pairs.labels, noise, first);
    }
    const auto terms = fcs_loss(student_.guidance(), pairs.labels, q, draws(q), first);
    return {terms.loss, {{"fcs", terms.loss.detach()}}};
  }
  const auto q = student_.generator().generate(pairs.labels, noise, first);
  const auto terms =
      csd_loss(student_.guidance(), pairs.labels, q, teacher_.logits(pairs.labels, student_.nearest(q)),
               codebook, draws(q), student_.options().alpha, first);
  return {with_gradient(terms.loss, q, terms.gradient), {{"csd", terms.loss}}};
}

runtime::Losses Dd2Experiment::loss(int64_t batch) {
  const auto pairs = training_batch(batch);
  const auto whose = turn(batch);
  return whose == Turn::tuning ? tuning_loss(pairs) : distillation_loss(pairs, whose);
}

std::unique_ptr<DistillExperiment> make_experiment(const Config& config, const runtime::Compute& compute) {
  if (config.at("model").text("name") == Dd1VarOptions::kName)
    return std::make_unique<Dd1Experiment>(config, compute);
  return std::make_unique<Dd2Experiment>(config, compute);
}

}  // namespace arzoo::distill
