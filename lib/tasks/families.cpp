#include "tasks/families.h"

#include <torch/torch.h>

#include <algorithm>

#include "distill/experiment.h"
#include "distill/parity.h"
#include "distill/student_builder.h"
#include "forecast/experiment.h"
#include "forecast/parity.h"
#include "forecast/sequence_experiment.h"
#include "forecast/zoo.h"
#include "icl/experiment.h"
#include "icl/parity.h"
#include "icl/path_finding.h"
#include "icl/study.h"
#include "icl/zoo.h"
#include "image/feature_net_experiment.h"
#include "image/flowar_experiment.h"
#include "image/kl_vae_experiment.h"
#include "image/mar_experiment.h"
#include "image/parity.h"
#include "image/var_experiment.h"
#include "image/vqvae_experiment.h"
#include "image/zoo.h"
#include "nn/sparse_experts.h"
#include "plan/catalog.h"
#include "runtime/parameter_count.h"
#include "shape3d/mar3d_experiment.h"
#include "shape3d/parity.h"
#include "shape3d/shape_vae_experiment.h"
#include "shape3d/zoo.h"

namespace arzoo::tasks {
namespace {

template <class Experiment>
std::unique_ptr<runtime::Experiment> noted(const Config& config, const runtime::Compute& compute,
                                           std::vector<std::string>& notes) {
  auto experiment = std::make_unique<Experiment>(config, compute);
  notes = experiment->notes();
  return experiment;
}

std::unique_ptr<runtime::Experiment> forecast_experiment(const Config& config,
                                                         const runtime::Compute& compute,
                                                         std::vector<std::string>& notes) {
  const bool sequences = !config.at("data").as<forecast::DataOptions>().sequences.path.empty();
  return sequences ? noted<forecast::SequenceExperiment>(config, compute, notes)
                   : noted<forecast::ForecastExperiment>(config, compute, notes);
}

ModelSize size_of_module(const torch::nn::Module& model) {
  const int64_t all = runtime::count_parameters(model).all;
  return {.parameters = all, .activated = all - nn::idle_parameters(model)};
}

ModelSize size_of_forecaster(const Config& model) {
  return size_of_module(*forecast::build(model, forecast::SeriesShape{.enc_in = 7, .c_out = 7}));
}

ModelSize size_of_image_model(const Config& model) { return size_of_module(*image::build(model)); }

std::unique_ptr<runtime::Experiment> image_experiment(const Config& config, const runtime::Compute& compute,
                                                      std::vector<std::string>& notes) {
  const auto model = config.at("model").text("name");
  if (model == image::VarOptions::kName) return noted<image::VarExperiment>(config, compute, notes);
  if (model == image::VqvaeOptions::kName) return noted<image::VqvaeExperiment>(config, compute, notes);
  if (model == image::KlVaeOptions::kName) return noted<image::KlVaeExperiment>(config, compute, notes);
  if (model == image::MarOptions::kName) return noted<image::MarExperiment>(config, compute, notes);
  if (model == image::FlowArOptions::kName) return noted<image::FlowArExperiment>(config, compute, notes);
  return noted<image::FeatureNetExperiment>(config, compute, notes);
}

std::unique_ptr<runtime::Experiment> shape_experiment(const Config& config, const runtime::Compute& compute,
                                                      std::vector<std::string>& notes) {
  const auto model = config.at("model").text("name");
  if (model == shape3d::Mar3dOptions::kName) return noted<shape3d::Mar3dExperiment>(config, compute, notes);
  return noted<shape3d::ShapeVaeExperiment>(config, compute, notes);
}

ModelSize size_of_shape_model(const Config& model) { return size_of_module(*shape3d::build(model)); }

std::unique_ptr<runtime::Experiment> icl_experiment(const Config& config, const runtime::Compute& compute,
                                                    std::vector<std::string>& notes) {
  auto experiment = icl::make_experiment(config, compute);
  notes = experiment->notes();
  return experiment;
}

std::unique_ptr<runtime::Experiment> distill_experiment(const Config& config, const runtime::Compute& compute,
                                                        std::vector<std::string>& notes) {
  auto experiment = distill::make_experiment(config, compute);
  notes = experiment->notes();
  return experiment;
}

ModelSize size_of_student(const Config& model) {
  return size_of_module(distill::build_student(model).student->module());
}

Json resolve_icl_study(const Config& options) { return arzoo::to_json(options.as<icl::StudyOptions>()); }

Json run_icl_study(const Config& options, const Config& run, const std::filesystem::path& model,
                   const std::filesystem::path& out, Progress& progress) {
  icl::StudyRecord record(out);
  icl::study({run, model, options.as<icl::StudyOptions>(), progress}, record);
  Json result{{"test", Json::object()},
              {"markdown", record.markdown()},
              {"tables", record.tables()},
              {"charts", record.charts()}};
  for (const auto& [name, value] : record.metrics()) result["test"][name] = value;
  return result;
}

/// A vocabulary and a block stand for a graph, which is not drawn for this.
ModelSize size_of_learner(const Config& model) {
  constexpr int64_t kNodes = 100, kBlock = 64;
  return size_of_module(*icl::build(model, {{}, icl::vocab_size(kNodes), kBlock}));
}

const std::vector<Family>& families() {
  static const std::vector<Family> all{
      {"forecast", &forecast_experiment, &size_of_forecaster, &forecast::replay, {"forecast", "time_moe"}},
      {"image", &image_experiment, &size_of_image_model, &image::replay, {"var", "mar", "flowar"}},
      {"shape3d", &shape_experiment, &size_of_shape_model, &shape3d::replay, {"mar3d"}},
      {"icl",
       &icl_experiment,
       &size_of_learner,
       &icl::replay,
       {"icl"},
       Study{&resolve_icl_study, &run_icl_study}},
      {"distill", &distill_experiment, &size_of_student, &distill::replay, {"distill"}},
  };
  return all;
}

}  // namespace

const Family& family_of_model(const Config& model_section) {
  const auto choice = plan::find_model(model_section.at("name"));
  for (const auto& family : families()) {
    if (family.name == choice.family.name) return family;
  }
  model_section.reject(fmt::format("the family {} cannot be trained", choice.family.name));
}

const Family& family_of_fixture(const runtime::ParityCase& fixture) {
  const auto name = fixture.folder.parent_path().filename().string();
  for (const auto& family : families()) {
    const auto& own = family.fixture_folders;
    if (std::find(own.begin(), own.end(), name) != own.end()) return family;
  }
  fail<CheckpointError>(
      "{}: no family is called \"{}\" (a fixture's folder lies in a folder named for its family)",
      fixture.folder.string(), name);
}

}  // namespace arzoo::tasks
