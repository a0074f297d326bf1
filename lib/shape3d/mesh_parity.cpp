#include <torch/torch.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/ascii.h"
#include "shape3d/farthest_points.h"
#include "shape3d/fixture.h"
#include "shape3d/fourier_embedding.h"
#include "shape3d/kd_tree.h"
#include "shape3d/marching_cubes.h"
#include "shape3d/occupancy_metrics.h"
#include "shape3d/point_tensor.h"
#include "shape3d/shape_metrics.h"

namespace arzoo::shape3d {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;
using runtime::Tolerance;

constexpr Tolerance kExact{.rtol = 0.0, .atol = 0.0};

FieldGrid grid_of(const at::Tensor& values, const Config& bounds) {
  std::vector<double> corners;
  bounds.read(corners, {});
  require(corners.size() == 6, "bounds must be six numbers, got {}", corners.size());
  FieldGrid grid{.points = {values.size(0), values.size(1), values.size(2)}, .bounds = {}};
  for (int axis = 0; axis < 3; ++axis) {
    grid.bounds.low[axis] = static_cast<float>(corners[static_cast<std::size_t>(axis)]);
    grid.bounds.high[axis] = static_cast<float>(corners[static_cast<std::size_t>(axis + 3)]);
  }
  const auto flat = values.contiguous();
  const auto* first = flat.const_data_ptr<float>();
  grid.values.assign(first, first + flat.numel());
  return grid;
}

/// The official scale divides by the number of points, not of cells: it shrinks towards the low corner.
io::Mesh with_official_scale(io::Mesh mesh, const FieldGrid& grid) {
  const auto points = static_cast<float>(grid.points[0]);
  for (auto& vertex : mesh.vertices)
    vertex = grid.bounds.low + (vertex - grid.bounds.low) * ((points - 1.0F) / points);
  return mesh;
}

/// Our vertices in the order of those expected, each the nearest of its own; [V, 3].
at::Tensor in_order(const io::Mesh& mesh, const std::vector<io::Vec3>& expected) {
  const KdTree tree(mesh.vertices);
  std::vector<io::Vec3> ordered;
  std::vector<bool> taken(mesh.vertices.size());
  for (const auto& vertex : expected) {
    const auto found = tree.nearest(vertex).index;
    if (taken[found]) fail<CheckFailed>("two expected vertices share one nearest vertex");
    taken[found] = true;
    ordered.push_back(mesh.vertices[found]);
  }
  return tensor_of(ordered);
}

/// Numbers that hold whatever way polygons are cut into triangles.
void check_properties(const std::string& name, const io::MeshSummary& summary, const Config& expected,
                      double tolerance, ParityReport& report) {
  const auto compare = [&](const char* key, double value, const Tolerance& allowed) {
    double wanted = 0.0;
    expected.at(key).read(wanted, {});
    report.check_value(name + "." + key, value, wanted, allowed);
  };
  compare("vertices", static_cast<double>(summary.vertices), kExact);
  compare("faces", static_cast<double>(summary.triangles), kExact);
  compare("edges", static_cast<double>(summary.edges), kExact);
  compare("euler", static_cast<double>(summary.euler), kExact);
  compare("components", static_cast<double>(summary.components), kExact);
  compare("signed_volume", summary.volume, {.rtol = tolerance, .atol = 0.0});
  compare("area", summary.area, {.rtol = tolerance, .atol = 0.0});
  report.check_value(name + ".open_edges", static_cast<double>(summary.open_edges), 0.0, kExact);
}

void check_shape(const ParityCase& fixture, const std::string& name, ParityReport& report) {
  const auto grid = grid_of(fixture.input(name + "_grid"), fixture.config.at("bounds"));
  const auto expected = fixture.info.at("expected").at(name);
  double tolerance = 0.0;
  expected.at("tolerance").at("volume_area_vs_official_rel").read(tolerance, at_least(0));
  const auto mesh = isosurface(grid), official = with_official_scale(mesh, grid);
  check_properties(name, summarise(official), expected.at("official"), tolerance, report);
  const auto corrected = summarise(mesh);
  for (const auto& [key, value] : {std::pair{"signed_volume", corrected.volume}, {"area", corrected.area}}) {
    double wanted = 0.0;
    expected.at("corrected_scaling").at(key).read(wanted, {});
    report.check_value(name + ".corrected." + key, value, wanted, {.rtol = tolerance, .atol = 0.0});
  }
  const auto vertices = points_of(fixture.io.at(name + "_vertices"));
  report.check(name + "_vertices", in_order(official, vertices));
  // The official triangles, measured as ours are: no cut of polygons is the only right one.
  io::Mesh theirs{.vertices = vertices};
  const auto faces = fixture.io.at(name + "_faces");
  for (int64_t i = 0; i < faces.size(0); ++i) {
    io::Triangle triangle{};
    for (int64_t k = 0; k < 3; ++k)
      triangle[static_cast<std::size_t>(k)] = static_cast<int32_t>(faces[i][k].item<int64_t>());
    theirs.triangles.push_back(triangle);
  }
  const auto measured = [](const io::Mesh& of) {
    const auto s = summarise(of);
    return at::tensor({static_cast<double>(s.triangles), static_cast<double>(s.euler), s.volume, s.area},
                      at::kDouble);
  };
  report.check_value(name + "_faces", measured(official), measured(theirs), {.rtol = tolerance, .atol = 0.0});
}

/// Every point of a grid with 2^depth cells along each axis, the first axis slowest. [N, 3]
at::Tensor dense_points(const io::Box3& bounds, int64_t depth) {
  FieldGrid grid{.points = {}, .bounds = bounds};
  grid.points.fill((int64_t{1} << depth) + 1);
  std::vector<io::Vec3> points;
  for (int64_t x = 0; x < grid.points[0]; ++x) {
    for (int64_t y = 0; y < grid.points[1]; ++y) {
      for (int64_t z = 0; z < grid.points[2]; ++z)
        points.push_back(grid.position(static_cast<float>(x), static_cast<float>(y), static_cast<float>(z)));
    }
  }
  return tensor_of(points);
}

SurfacePoints points_named(const ParityCase& fixture, const std::string& prefix) {
  return {points_of(fixture.input(prefix + "_points")), points_of(fixture.input(prefix + "_normals"))};
}

/// The numbers in a text, from `begin` on.
std::vector<double> numbers_in(std::string_view text, std::size_t begin) {
  std::vector<double> numbers;
  for (std::size_t at = begin; at < text.size();) {
    double number = 0.0;
    const bool begins = is_digit(text[at]) || text[at] == '-';  // "inf" in a word is none
    const auto read = std::from_chars(text.data() + at, text.data() + text.size(), number);
    if (!begins || read.ec != std::errc()) {
      ++at;
      continue;
    }
    numbers.push_back(number);
    at = static_cast<std::size_t>(read.ptr - text.data());
  }
  return numbers;
}

/// The box of an output's dense points: what its meaning says, "… bounds (-1,-1,-1)..(1,1,1) …", else the
/// bounds of the whole case.
io::Box3 bounds_of_points(const Config& output, const Config& of_case) {
  constexpr std::string_view kWord = "bounds";
  constexpr std::size_t kCorners = 6;
  const auto meaning = output.has("meaning") ? output.text("meaning") : std::string();
  const auto place = meaning.find(kWord);
  std::vector<double> corners;
  if (place != std::string::npos) corners = numbers_in(meaning, place + kWord.size());
  if (corners.size() < kCorners) of_case.read(corners, {});
  if (corners.size() < kCorners) of_case.reject("expected six numbers, the box's lower and upper corner");
  const auto corner = [&](std::size_t first) {
    return io::Vec3{static_cast<float>(corners[first]), static_cast<float>(corners[first + 1]),
                    static_cast<float>(corners[first + 2])};
  };
  return {corner(0), corner(3)};
}

/// A grid in which some cells can be meshed in several ways: closed, and with a vertex on each edge where the
/// sign changes, up to as many as the official mesh has.
void check_ambiguous(const std::string& name, const FieldGrid& grid, const Config& expected,
                     ParityReport& report) {
  const auto mesh = summarise(isosurface(grid));
  double least = 0.0, most = 0.0;
  expected.at("sign_change_edges").read(least, {});
  expected.at("official").at("vertices").read(most, {});
  const auto vertices = static_cast<double>(mesh.vertices);
  report.check_value(name + ".open_edges", static_cast<double>(mesh.open_edges), 0.0, kExact);
  report.check_value(name + ".vertices", vertices, std::clamp(vertices, least, most), kExact);
}

at::Tensor one(double value) { return at::tensor({value}, at::kDouble); }

}  // namespace

void replay_marching_cubes(const ParityCase& fixture, ParityReport& report) {
  const auto bounds = fixture.config.at("bounds");
  const auto expected = fixture.info.at("expected");
  constexpr std::string_view kGrid = "_grid", kDensePoints = "dense_points_d";
  for (const auto& [input, ignored] : fixture.info.at("inputs").members()) {
    if (!input.ends_with(kGrid)) continue;
    const auto name = input.substr(0, input.size() - kGrid.size());
    if (fixture.io.contains(name + "_vertices")) {
      check_shape(fixture, name, report);
    } else if (expected.has(name)) {
      check_ambiguous(name, grid_of(fixture.input(input), bounds), expected.at(name), report);
    } else {
      const auto mesh = isosurface(grid_of(fixture.input(input), bounds));
      report.check_value(name + ".triangles", static_cast<double>(mesh.triangles.size()), 0.0, kExact);
    }
  }
  for (const auto& name : fixture.output_names()) {
    if (!name.starts_with(kDensePoints)) continue;
    const auto depth = std::stoll(name.substr(kDensePoints.size()));
    const auto box = bounds_of_points(fixture.info.at("outputs").at(name), bounds);
    report.check(name, dense_points(box, depth));
  }
}

void replay_metrics(const ParityCase& fixture, ParityReport& report) {
  const auto distances = point_distances(points_named(fixture, "gt"), points_named(fixture, "pred"));
  report.check("dist_gt_to_pred", at::tensor(distances.to_predicted));
  report.check("dist_pred_to_gt", at::tensor(distances.to_reference));
  report.check("cd_l1_sum", one(distances.chamfer()));
  report.check("cd_l1_mean", one(0.5 * distances.chamfer()));
  report.check("cd_l2_sum", one(distances.squared_chamfer()));
  for (const auto& name : fixture.output_names()) {
    constexpr std::string_view kPrefix = "fscore_";
    if (name.starts_with(kPrefix))
      report.check(name, one(distances.f_score(std::stod(name.substr(kPrefix.size())))));
  }
  report.check("nc", one(distances.normal_consistency));
  const auto logits = fixture.input("logits"), labels = fixture.input("labels");
  const auto iou = occupancy_iou(logits, labels);
  report.check("iou", iou);
  constexpr double kOfficialOffset = 1e-5;  // added after the division, in training
  report.check("iou_official_mean", one((iou + kOfficialOffset).mean().item<double>()));
  report.check("accuracy", one(occupancy_accuracy(logits, labels).item<double>()));
}

void replay_operations(const ParityCase& fixture, ParityReport& report) {
  for (const auto& name : fixture.output_names()) {
    int frequencies = 0, pi = 0, input = 0, logspace = 0;
    if (std::sscanf(name.c_str(), "embed_nf%d_pi%d_inc%d_log%d", &frequencies, &pi, &input, &logspace) == 4)
      report.check(name,
                   fourier_embedding(fixture.input("x"), {frequencies, pi != 0, input != 0, logspace != 0}));
  }
  std::vector<double> ratios;
  fixture.config.at("fps_ratios").read(ratios, {});
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    const auto points = fixture.input(fmt::format("fps{}_points", i));
    const auto chosen = farthest_points(points, fixture.input(fmt::format("fps{}_start", i)),
                                        farthest_count(points.size(1), ratios[i]));
    const auto first = at::arange(points.size(0), at::kLong).view({-1, 1}) * points.size(1);
    report.check(fmt::format("fps{}_idx", i), (chosen + first).flatten(), kExact);
  }
}

}  // namespace arzoo::shape3d
