#include "shape3d/solids/autobrep_fsq_experiment.h"

#include <torch/torch.h>

#include <cmath>
#include <map>

#include "runtime/model_entry.h"
#include "runtime/module_builder.h"
#include "runtime/named_tensors.h"
#include "runtime/training_options.h"
#include "shape3d/solids/brep_fixture.h"

namespace arzoo::shape3d {
namespace {

using runtime::Split;

/// Samples of one face or edge as [3, side, …].
at::Tensor samples_of(const std::vector<float>& points, int64_t number, at::IntArrayRef sizes) {
  int64_t count = 1;
  for (const int64_t size : sizes) count *= size;
  return at::from_blob(const_cast<float*>(points.data()) + number * count, sizes, at::kFloat).movedim(-1, 0);
}

io::CadLimits coder_limits() {
  io::CadLimits limits;
  limits.side = BrepCoder::kSamples;
  return limits;
}

}  // namespace

AutobrepFsqExperiment::AutobrepFsqExperiment(const Config& config, const runtime::Compute& compute)
    : compute_(compute),
      model_section_(config.json().at("model")),
      seed_(config.json().at("seed").get<int64_t>()),
      data_(config, coder_limits()),
      model_(runtime::build_module<AutobrepFsq, AutobrepFsqOptions>(config.at("model"))) {
  model_->initialise();
  model_->to(compute.device);
  const auto& solids = data_.solids(Split::train);
  for (std::size_t i = 0; i < solids.size(); ++i) {
    for (int64_t face = 0; face < solids[i].faces(); ++face)
      faces_.emplace_back(static_cast<int32_t>(i), static_cast<int32_t>(face));
    for (int64_t edge = 0; edge < solids[i].edges(); ++edge)
      edges_.emplace_back(static_cast<int32_t>(i), static_cast<int32_t>(edge));
  }
  const auto training = config.at("training").as<runtime::TrainingOptions>();
  order_ = std::make_unique<runtime::EpochOrder>(static_cast<int64_t>(faces_.size()), seed_,
                                                 training.batch_size, compute.share);
}

at::Tensor AutobrepFsqExperiment::faces(Split split, const std::vector<Place>& places) const {
  std::vector<at::Tensor> rows;
  for (const auto& [solid, face] : places) {
    const auto& graph = data_.solids(split)[static_cast<std::size_t>(solid)];
    rows.push_back(samples_of(graph.face_points, face, {graph.side, graph.side, 3}));
  }
  return at::stack(rows).to(compute_.device);
}

at::Tensor AutobrepFsqExperiment::edges(Split split, const std::vector<Place>& places) const {
  std::vector<at::Tensor> rows;
  for (const auto& [solid, edge] : places) {
    const auto& graph = data_.solids(split)[static_cast<std::size_t>(solid)];
    rows.push_back(samples_of(graph.edge_points, edge, {graph.side, 3}));
  }
  return at::stack(rows).to(compute_.device);
}

runtime::Losses AutobrepFsqExperiment::loss(int64_t batch) {
  std::vector<Place> own_faces, own_edges;
  for (const int64_t item : order_->batch(batch)) own_faces.push_back(faces_[static_cast<std::size_t>(item)]);
  auto random = runtime::batch_generator(seed_, batch, compute_.share);
  for (std::size_t i = 0; i < own_faces.size(); ++i)
    own_edges.push_back(edges_[static_cast<std::size_t>(random() % edges_.size())]);
  const auto face = model_->surface().loss(faces(Split::train, own_faces));
  const auto edge = model_->edge().loss(edges(Split::train, own_edges));
  return {face + edge,
          {{"face", face.detach()}, {"edge", edge.detach()}},
          {},
          static_cast<double>(own_faces.size())};
}

runtime::Metrics AutobrepFsqExperiment::evaluate(Split split) {
  const auto& solids = data_.solids(split);
  if (solids.empty()) return {};
  const torch::NoGradGuard no_grad;
  model_->eval();
  struct Sum {
    double squares = 0.0;
    int64_t count = 0;
    double mean() const { return squares / static_cast<double>(std::max<int64_t>(1, count)); }
  };
  Sum face_sum, edge_sum;
  std::map<std::string, Sum> kinds;
  for (std::size_t i = 0; i < solids.size(); ++i) {
    std::vector<Place> own_faces, own_edges;
    for (int64_t face = 0; face < solids[i].faces(); ++face)
      own_faces.emplace_back(static_cast<int32_t>(i), static_cast<int32_t>(face));
    for (int64_t edge = 0; edge < solids[i].edges(); ++edge)
      own_edges.emplace_back(static_cast<int32_t>(i), static_cast<int32_t>(edge));
    const auto x = faces(split, own_faces), y = edges(split, own_edges);
    auto& surface = model_->surface();
    const auto errors = (surface.decode(surface.encode(x).codes) - x).square().flatten(1).mean(1).cpu();
    for (int64_t face = 0; face < errors.numel(); ++face) {
      const double error = errors[face].item<double>();
      for (auto* sum : {&face_sum, &kinds[solids[i].surfaces.at(static_cast<std::size_t>(face))]}) {
        sum->squares += error;
        ++sum->count;
      }
    }
    auto& edge = model_->edge();
    edge_sum.squares += at::mse_loss(edge.decode(edge.encode(y).codes), y).item<double>() *
                        static_cast<double>(own_edges.size());
    edge_sum.count += static_cast<int64_t>(own_edges.size());
  }
  runtime::Metrics metrics{{"loss", face_sum.mean() + edge_sum.mean()},
                           {"face_rmse", std::sqrt(face_sum.mean())},
                           {"edge_rmse", std::sqrt(edge_sum.mean())}};
  if (split == Split::test) {
    for (const auto& [kind, sum] : kinds) metrics.emplace_back("rmse_" + kind, std::sqrt(sum.mean()));
  }
  return metrics;
}

void AutobrepFsqExperiment::save(const std::filesystem::path& folder) {
  runtime::save_model(ModelFolder{.path = folder, .model = model_section_}, *model_);
}

void AutobrepFsqExperiment::load(const std::filesystem::path& folder) {
  runtime::load_strictly(*model_, runtime::open_tensors(folder), folder.string());
}

}  // namespace arzoo::shape3d

namespace arzoo::runtime {

template <>
const ModelEntry& entry<shape3d::AutobrepFsqOptions>() {
  static const ModelEntry entry{
      .name = shape3d::AutobrepFsqOptions::kName,
      .build = &build_any<shape3d::AutobrepFsq, shape3d::AutobrepFsqOptions>,
      .experiment = &make_experiment<shape3d::AutobrepFsqExperiment>,
      .replays = {{"autobrep_fsq", shape3d::replay_autobrep_fsq}},
  };
  return entry;
}

}  // namespace arzoo::runtime
