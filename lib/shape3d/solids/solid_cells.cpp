#include "shape3d/solids/solid_cells.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/options_among.h"
#include "core/seeded_random.h"
#include "runtime/metrics_json.h"
#include "shape3d/model_folder.h"
#include "shape3d/solids/autobrep_generator.h"
#include "shape3d/solids/brep_codes.h"
#include "shape3d/solids/brep_rebuild.h"
#include "shape3d/solids/solid_data.h"

namespace arzoo::shape3d {
namespace {

constexpr const char* kExact = "exact";

/// Shares of solids that came so far.
struct SolidShares {
  double sewn = 0, closed = 0, valid = 0, all = 0;

  void add(const io::BuiltSolid& built) {
    all += 1;
    sewn += built.sewn ? 1 : 0;
    closed += built.closed ? 1 : 0;
    valid += built.valid ? 1 : 0;
  }
  runtime::Metrics metrics() const {
    const double count = std::max(1.0, all);
    return {{"sewn", sewn / count}, {"closed", closed / count}, {"valid", valid / count}};
  }
};

/// How far decoded grids are from those that were encoded, by the type of surface.
class GridErrors {
 public:
  void add(const io::BrepGraph& exact, const io::BrepGraph& decoded) {
    const auto faces = static_cast<std::size_t>(exact.faces());
    for (std::size_t face = 0; face < faces; ++face)
      add(exact.surfaces.at(face), exact.face_points, decoded.face_points, face, faces);
    add("edges", exact.edge_points, decoded.edge_points, 0, 1);
  }
  runtime::Metrics metrics() const {
    runtime::Metrics metrics;
    for (const auto& [kind, sum] : sums_)
      metrics.emplace_back("rmse_" + kind, std::sqrt(sum.first / std::max(1.0, sum.second)));
    return metrics;
  }

 private:
  /// Part number `part` of so many equal ones. A point's error is the distance, so three squares count once.
  void add(const std::string& kind, const std::vector<float>& exact, const std::vector<float>& decoded,
           std::size_t part, std::size_t parts) {
    const std::size_t size = exact.size() / parts;
    auto& [squares, count] = sums_[kind];
    for (std::size_t i = part * size; i < (part + 1) * size; ++i) {
      const double error = static_cast<double>(decoded[i]) - static_cast<double>(exact[i]);
      squares += error * error;
    }
    count += static_cast<double>(size) / 3.0;
  }

  std::map<std::string, std::pair<double, double>> sums_;
};

/// The parts or files of a training whose data are these.
std::vector<io::BrepGraph> solids_of(const SolidCellOptions& cell, int64_t count, int64_t seed) {
  Json data{{"solids", cell.kinds}, {"path", cell.path}, {"count", count}, {"validation", 0.0}};
  if (!cell.path.empty()) data["count"] = 1;
  const Config config(Json{{"data", data}, {"seed", seed}}, "solids");
  io::CadLimits limits;
  limits.side = BrepCoder::kSamples;
  return SolidData(config, limits).solids(runtime::Split::train);
}

/// A solid with boxes of `bit` bits, and with decoded grids if there are coders.
io::BrepGraph passed(const io::BrepGraph& graph, int64_t bit, AutobrepFsq* coders) {
  const torch::NoGradGuard no_grad;
  auto result = graph;
  for (auto* boxes : {&result.face_boxes, &result.edge_boxes}) {
    for (auto& box : *boxes) box = opened_box(quantised_box(box, bit), bit);
  }
  if (coders == nullptr) return result;
  const auto through = [](std::vector<float>& points, at::IntArrayRef sizes, const BrepCoder& coder) {
    const auto x = at::tensor(points).view(sizes).movedim(-1, 1).contiguous();
    const auto y = coder.decode(coder.encode(x).codes).movedim(1, -1).contiguous();
    points.assign(y.const_data_ptr<float>(), y.const_data_ptr<float>() + y.numel());
  };
  through(result.face_points, {graph.faces(), graph.side, graph.side, 3}, coders->surface());
  through(result.edge_points, {graph.edges(), graph.side, 3}, coders->edge());
  return result;
}

runtime::Metrics round_trip(const SolidCellOptions& cell, AutobrepFsq* coders, Progress& progress,
                            Stop stop) {
  const auto& plugin = io::cad_plugin("solids");
  const auto solids = solids_of(cell, cell.count, cell.seed);
  SolidShares shares;
  GridErrors errors;
  progress.begin("solids", static_cast<int64_t>(solids.size()));
  for (const auto& graph : solids) {
    io::BuiltSolid built;
    const auto decoded = passed(graph, cell.bit, coders);
    errors.add(graph, decoded);
    try {
      plugin.build(solid_plan(decoded, {.regular = !cell.as_decoded}), built);
    } catch (const DataError&) {
      built = {};  // its ends do not pair: it does not survive
    }
    shares.add(built);
    progress.step();
    stop_if_asked(stop, "measuring solids");
  }
  progress.end();
  auto metrics = shares.metrics();
  if (coders != nullptr) {
    const auto own = errors.metrics();
    metrics.insert(metrics.end(), own.begin(), own.end());
  }
  return metrics;
}

/// The tokens of structure, boxes and pointers, which make a sample another one; its complexity does not.
std::vector<int64_t> boxes_in(const std::vector<int64_t>& tokens, int64_t first_code) {
  std::vector<int64_t> boxes;
  for (const int64_t token : tokens) {
    if (token == kBoc) boxes.clear();
    if (token < first_code) boxes.push_back(token);
    if (token == kEoc) break;
  }
  return boxes;
}

using Known = std::set<std::vector<int64_t>>;

/// The boxes of the solids that the model was trained on, if the cell says which.
Known training_boxes(const SolidCellOptions& cell, const BrepVocabulary& vocabulary) {
  Known known;
  if (cell.training_count == 0) return known;
  for (const auto& graph : solids_of(cell, cell.training_count, cell.training_seed)) {
    if (graph.faces() <= vocabulary.max_face)
      known.insert(boxes_in(brep_sequence(graph, vocabulary, kUncond), vocabulary.face_codes()));
  }
  return known;
}

std::vector<int64_t> numbers_of(const at::Tensor& tokens) {
  const auto own = tokens.to(at::kCPU, at::kLong).contiguous();
  return {own.const_data_ptr<int64_t>(), own.const_data_ptr<int64_t>() + own.numel()};
}

/// What samples were like.
struct SampledSolids {
  SolidShares shares;
  double parsed = 0, copied = 0;
  Known distinct;
  std::map<int64_t, int64_t> faces;  ///< how many samples have so many

  void add(const runtime::SolidGenerator::Solid& solid, std::vector<int64_t> boxes, const Known& known) {
    shares.add(solid.built);
    if (!solid.parsed) return;
    parsed += 1;
    copied += known.count(boxes) > 0 ? 1 : 0;
    ++faces[solid.faces];
    distinct.insert(std::move(boxes));
  }
  Json json(bool compared) const {
    auto metrics = shares.metrics();
    metrics.emplace_back("parsed", parsed / shares.all);
    metrics.emplace_back("distinct", static_cast<double>(distinct.size()) / shares.all);
    if (compared) metrics.emplace_back("copied", copied / shares.all);
    Json histogram = Json::object();
    double all_faces = 0;
    for (const auto& [count, samples] : faces) {
      all_faces += static_cast<double>(count * samples);
      histogram[std::to_string(count)] = samples;
    }
    metrics.emplace_back("faces", all_faces / std::max(1.0, parsed));
    return {{"test", runtime::metrics_json(metrics)}, {"faces_histogram", histogram}};
  }
};

Json sampled_solids(const SolidCellOptions& cell, const runtime::Compute& compute, Progress& progress,
                    Stop stop) {
  constexpr int64_t kTogether = 16;
  Json sampling = Json::object();
  sampling["attempts"] = 1;  // what is measured is a sample
  if (cell.unconstrained) sampling["unconstrained"] = true;
  if (cell.as_decoded) sampling["as_decoded"] = true;
  const auto opened = AutobrepGenerator::open(cell.solids_model, sampling, compute);
  const auto* const generator = runtime::solid_generator(*opened);
  const Config model(open_model_folder(cell.solids_model).model, "model");
  const auto vocabulary = vocabulary_of(options_among<AutobrepOptions>(model));
  const auto known = training_boxes(cell, vocabulary);
  SampledSolids samples;
  progress.begin("solids", cell.count);
  for (int64_t first = 0; first < cell.count; first += kTogether) {
    const int64_t together = std::min(kTogether, cell.count - first);
    runtime::ShapeRequest request;
    request.labels.assign(static_cast<std::size_t>(together), generator->classes());
    request.seeds = item_seeds(static_cast<uint64_t>(cell.seed), static_cast<uint64_t>(first),
                               static_cast<std::size_t>(together));
    const auto tokens = generator->sample(request);
    for (int64_t i = 0; i < together; ++i) {
      samples.add(generator->solid(tokens[i]), boxes_in(numbers_of(tokens[i]), vocabulary.face_codes()),
                  known);
      progress.step();
      stop_if_asked(stop, "measuring solids");
    }
  }
  progress.end();
  return samples.json(cell.training_count > 0);
}

class SolidCell final : public runtime::CellOf<SolidCellOptions> {
 public:
  using CellOf::CellOf;

  std::vector<std::filesystem::path> inputs() const override {
    std::vector<std::filesystem::path> inputs;
    if (options_.solids_model != kExact) inputs.emplace_back(options_.solids_model);
    if (!options_.path.empty()) inputs.emplace_back(options_.path);
    return inputs;
  }

  Json run(const runtime::Compute& compute, Progress& progress, Stop stop) const override {
    auto result = measured(compute, progress, stop);
    result["solids"] = options_.count;
    return result;
  }

 private:
  Json measured(const runtime::Compute& compute, Progress& progress, Stop stop) const {
    const auto passing = [&](AutobrepFsq* coders) {
      Json result = Json::object();
      result["test"] = runtime::metrics_json(round_trip(options_, coders, progress, stop));
      return result;
    };
    if (options_.solids_model == kExact) return passing(nullptr);
    const auto folder = open_model_folder(options_.solids_model);
    if (folder.model.at("name") == AutobrepOptions::kName)
      return sampled_solids(options_, compute, progress, stop);
    return passing(load_model<AutobrepFsq, AutobrepFsqOptions>(folder, at::kFloat).get());
  }
};

}  // namespace

std::shared_ptr<const runtime::Evaluation> read_solid_cell(const Config& cell,
                                                           const runtime::CellContext& context) {
  auto options = cell.as<SolidCellOptions>();
  if (options.solids_model != kExact) context.find_model(options.solids_model);
  if (!options.path.empty()) context.find_file(options.path);
  options.seed = context.seed.value_or(options.seed);
  return std::make_shared<SolidCell>(std::move(options));
}

}  // namespace arzoo::shape3d
