#include "cad/brep_sampling.h"

#include <BRepAdaptor_Curve.hxx>
#include <BRepAdaptor_Surface.hxx>
#include <BRepCheck_Analyzer.hxx>
#include <BRepTools.hxx>
#include <BRep_Tool.hxx>
#include <ShapeUpgrade_ShapeDivideClosed.hxx>
#include <ShapeUpgrade_ShapeDivideClosedEdges.hxx>
#include <TopExp.hxx>
#include <TopTools_IndexedDataMapOfShapeListOfShape.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <TopTools_ListOfShape.hxx>
#include <TopoDS.hxx>
#include <TopoDS_Edge.hxx>
#include <TopoDS_Face.hxx>
#include <cmath>
#include <limits>

namespace arzoo::cad {
namespace {

using Point = std::array<double, 3>;

Point coordinates(const gp_Pnt& point) { return {point.X(), point.Y(), point.Z()}; }

struct Samples {
  std::vector<Point> points;
  Point low, high;
};

Samples bounded(std::vector<Point> points) {
  constexpr double kMost = std::numeric_limits<double>::infinity();
  Samples samples{std::move(points), {kMost, kMost, kMost}, {-kMost, -kMost, -kMost}};
  for (const auto& point : samples.points) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      samples.low[axis] = std::min(samples.low[axis], point[axis]);
      samples.high[axis] = std::max(samples.high[axis], point[axis]);
    }
  }
  return samples;
}

Samples of_face(const TopoDS_Face& face, int64_t side) {
  double u0 = 0, u1 = 0, v0 = 0, v1 = 0;
  BRepTools::UVBounds(face, u0, u1, v0, v1);
  const BRepAdaptor_Surface surface(face);
  const auto last = static_cast<double>(side - 1);
  std::vector<Point> points;
  for (int64_t i = 0; i < side; ++i) {
    for (int64_t j = 0; j < side; ++j)
      points.push_back(coordinates(surface.Value(u0 + (u1 - u0) * static_cast<double>(i) / last,
                                                 v0 + (v1 - v0) * static_cast<double>(j) / last)));
  }
  return bounded(std::move(points));
}

Samples of_edge(const TopoDS_Edge& edge, int64_t side) {
  const BRepAdaptor_Curve curve(edge);
  const double first = curve.FirstParameter(), last = curve.LastParameter();
  std::vector<Point> points;
  for (int64_t i = 0; i < side; ++i)
    points.push_back(coordinates(
        curve.Value(first + (last - first) * static_cast<double>(i) / static_cast<double>(side - 1))));
  return bounded(std::move(points));
}

/// Whether every coordinate is a number of a sensible size.
bool is_sound(const Samples& samples) {
  constexpr double kMost = 1e9;
  for (const auto& point : samples.points) {
    for (const double x : point) {
      if (!(std::abs(x) < kMost)) return false;
    }
  }
  return true;
}

/// Moves and scales a grid and its box as the whole solid is; the grid relative to its own box.
void append(const Samples& samples, const Point& centre, double scale, std::vector<float>& points,
            std::vector<io::Box6>& boxes) {
  io::Box6 box;
  double extent = 0.0;
  Point middle;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double low = (samples.low[axis] - centre[axis]) * scale,
                 high = (samples.high[axis] - centre[axis]) * scale;
    box[axis] = static_cast<float>(low);
    box[axis + 3] = static_cast<float>(high);
    extent = std::max(extent, high - low);
    middle[axis] = (low + high) / 2;
  }
  boxes.push_back(box);
  for (const auto& point : samples.points) {
    for (std::size_t axis = 0; axis < 3; ++axis)
      points.push_back(
          static_cast<float>(((point[axis] - centre[axis]) * scale - middle[axis]) / (extent / 2)));
  }
}

/// Whether one can walk from any face to any other over edges.
bool in_one_piece(const io::BrepGraph& graph, std::size_t faces) {
  std::vector<int64_t> piece(faces);
  for (std::size_t i = 0; i < faces; ++i) piece[i] = static_cast<int64_t>(i);
  const auto root = [&](int64_t face) {
    while (piece[static_cast<std::size_t>(face)] != face) face = piece[static_cast<std::size_t>(face)];
    return face;
  };
  for (const auto& [a, b] : graph.edge_faces) piece[static_cast<std::size_t>(root(a))] = root(b);
  for (std::size_t i = 1; i < faces; ++i) {
    if (root(static_cast<int64_t>(i)) != root(0)) return false;
  }
  return true;
}

}  // namespace

TopoDS_Shape without_seams(const TopoDS_Shape& shape) {
  auto result = shape;
  ShapeUpgrade_ShapeDivideClosed faces(result);
  faces.SetNbSplitPoints(1);
  faces.SetPrecision(1e-4);
  faces.SetMaxTolerance(1e-3);
  if (faces.Perform()) result = faces.Result();
  ShapeUpgrade_ShapeDivideClosedEdges edges(result);
  edges.SetNbSplitPoints(1);
  if (edges.Perform()) result = edges.Result();
  return result;
}

std::string surface_name(const TopoDS_Shape& face) {
  switch (BRepAdaptor_Surface(TopoDS::Face(face), false).GetType()) {
    case GeomAbs_Plane:
      return "plane";
    case GeomAbs_Cylinder:
      return "cylinder";
    case GeomAbs_Cone:
      return "cone";
    case GeomAbs_Sphere:
      return "sphere";
    case GeomAbs_Torus:
      return "torus";
    case GeomAbs_BezierSurface:
      return "bezier";
    case GeomAbs_BSplineSurface:
      return "bspline";
    case GeomAbs_SurfaceOfRevolution:
      return "revolution";
    case GeomAbs_SurfaceOfExtrusion:
      return "extrusion";
    default:
      return "other";
  }
}

std::string sample_solid(const TopoDS_Shape& solid, const io::CadLimits& limits, io::BrepGraph& graph) {
  TopTools_IndexedMapOfShape faces, edges;
  TopExp::MapShapes(solid, TopAbs_FACE, faces);
  TopExp::MapShapes(solid, TopAbs_EDGE, edges);
  if (faces.Extent() > limits.faces || edges.Extent() > limits.edges)
    return "has " + std::to_string(faces.Extent()) + " faces and " + std::to_string(edges.Extent()) +
           " edges, at most " + std::to_string(limits.faces) + " and " + std::to_string(limits.edges) +
           " expected";
  if (!BRepCheck_Analyzer(solid).IsValid()) return "is not a valid solid";
  TopTools_IndexedDataMapOfShapeListOfShape owners;
  TopExp::MapShapesAndAncestors(solid, TopAbs_EDGE, TopAbs_FACE, owners);
  graph = {};
  graph.side = limits.side;
  for (int i = 1; i <= edges.Extent(); ++i) {
    if (BRep_Tool::Degenerated(TopoDS::Edge(edges(i)))) return "has a degenerate edge";
    const auto& found = owners.FindFromKey(edges(i));
    if (found.Extent() != 2 || found.First().IsSame(found.Last()))
      return "has an edge that does not belong to two different faces";
    graph.edge_faces.push_back({faces.FindIndex(found.First()) - 1, faces.FindIndex(found.Last()) - 1});
  }
  if (faces.Extent() < 2 || !in_one_piece(graph, static_cast<std::size_t>(faces.Extent())))
    return "has faces that are not connected by edges";
  std::vector<Samples> grids, curves;
  std::vector<Point> all;
  for (int i = 1; i <= faces.Extent(); ++i) grids.push_back(of_face(TopoDS::Face(faces(i)), limits.side));
  for (int i = 1; i <= edges.Extent(); ++i) curves.push_back(of_edge(TopoDS::Edge(edges(i)), limits.side));
  for (const auto* list : {&grids, &curves}) {
    for (const auto& samples : *list) {
      if (!is_sound(samples)) return "has points that are not numbers";
      all.push_back(samples.low);
      all.push_back(samples.high);
    }
  }
  const auto whole = bounded(std::move(all));
  Point centre;
  double extent = 0.0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    centre[axis] = (whole.low[axis] + whole.high[axis]) / 2;
    extent = std::max(extent, whole.high[axis] - whole.low[axis]);
  }
  if (!(extent > 1e-9)) return "has no size";
  for (int i = 1; i <= faces.Extent(); ++i) graph.surfaces.push_back(surface_name(faces(i)));
  for (const auto& samples : grids)
    append(samples, centre, 2.0 / extent, graph.face_points, graph.face_boxes);
  for (const auto& samples : curves)
    append(samples, centre, 2.0 / extent, graph.edge_points, graph.edge_boxes);
  // A face or an edge that a box of ten bits makes a point of.
  constexpr float kLeast = 1.0F / 512.0F;
  for (const auto* boxes : {&graph.face_boxes, &graph.edge_boxes}) {
    for (const auto& box : *boxes) {
      if (box[3] - box[0] < kLeast && box[4] - box[1] < kLeast && box[5] - box[2] < kLeast)
        return "has a face or an edge below 1/1024 of its size";
    }
  }
  return {};
}

}  // namespace arzoo::cad
