#include "cad/parts.h"

#include <BRepAlgoAPI_Cut.hxx>
#include <BRepAlgoAPI_Fuse.hxx>
#include <BRepBuilderAPI_MakeFace.hxx>
#include <BRepBuilderAPI_MakePolygon.hxx>
#include <BRepFilletAPI_MakeChamfer.hxx>
#include <BRepFilletAPI_MakeFillet.hxx>
#include <BRepPrimAPI_MakeBox.hxx>
#include <BRepPrimAPI_MakeCylinder.hxx>
#include <BRepPrimAPI_MakePrism.hxx>
#include <BRep_Tool.hxx>
#include <ShapeUpgrade_UnifySameDomain.hxx>
#include <TopExp_Explorer.hxx>
#include <TopoDS.hxx>
#include <TopoDS_Edge.hxx>
#include <cmath>
#include <functional>
#include <gp_Ax2.hxx>
#include <numbers>

#include "cad/brep_sampling.h"
#include "core/seeded_random.h"

namespace arzoo::cad {
namespace {

/// The random numbers of one part, on a grid of a twentieth: sizes as a designer would choose them.
class Sizes {
 public:
  explicit Sizes(uint64_t stream) : stream_(stream) {}
  double between(double low, double high) {
    const double steps = std::round((high - low) * 20.0);
    return low + std::floor(uniform_of(stream_, used_++) * (steps + 1.0)) / 20.0;
  }
  int64_t below(int64_t count) {
    return static_cast<int64_t>(uniform_of(stream_, used_++) * static_cast<double>(count));
  }

 private:
  uint64_t stream_, used_ = 0;
};

TopoDS_Shape block(double x, double y, double z, double dx, double dy, double dz) {
  return BRepPrimAPI_MakeBox(gp_Pnt(x, y, z), dx, dy, dz).Shape();
}

TopoDS_Shape rod(double x, double y, double z, double radius, double height,
                 const gp_Dir& axis = gp_Dir(0, 0, 1)) {
  return BRepPrimAPI_MakeCylinder(gp_Ax2(gp_Pnt(x, y, z), axis), radius, height).Shape();
}

TopoDS_Shape cut(const TopoDS_Shape& from, const TopoDS_Shape& tool) {
  BRepAlgoAPI_Cut operation(from, tool);
  return operation.Shape();
}

TopoDS_Shape fused(const TopoDS_Shape& a, const TopoDS_Shape& b) {
  BRepAlgoAPI_Fuse operation(a, b);
  return operation.Shape();
}

TopoDS_Shape prism(const std::vector<std::array<double, 2>>& corners, double height) {
  BRepBuilderAPI_MakePolygon outline;
  for (const auto& [x, y] : corners) outline.Add(gp_Pnt(x, y, 0));
  outline.Close();
  return BRepPrimAPI_MakePrism(BRepBuilderAPI_MakeFace(outline.Wire()).Face(), gp_Vec(0, 0, height)).Shape();
}

/// Calls visit with the edges along the z axis that `chosen` takes by their x and y.
void upright_edges(const TopoDS_Shape& shape, const std::function<bool(double x, double y)>& chosen,
                   const std::function<void(const TopoDS_Edge&)>& visit) {
  std::vector<TopoDS_Edge> seen;
  for (TopExp_Explorer edges(shape, TopAbs_EDGE); edges.More(); edges.Next()) {
    const auto edge = TopoDS::Edge(edges.Current());
    double first = 0, last = 0;
    const auto curve = BRep_Tool::Curve(edge, first, last);
    if (curve.IsNull()) continue;
    const auto a = curve->Value(first), b = curve->Value(last);
    if (std::abs(a.X() - b.X()) > 1e-6 || std::abs(a.Y() - b.Y()) > 1e-6 || !chosen(a.X(), a.Y())) continue;
    bool known = false;
    for (const auto& other : seen) known = known || other.IsSame(edge);
    if (known) continue;
    seen.push_back(edge);
    visit(edge);
  }
}

TopoDS_Shape rounded(const TopoDS_Shape& shape, double radius,
                     const std::function<bool(double, double)>& chosen) {
  BRepFilletAPI_MakeFillet fillet(shape);
  upright_edges(shape, chosen, [&](const TopoDS_Edge& edge) { fillet.Add(radius, edge); });
  return fillet.NbContours() == 0 ? shape : fillet.Shape();
}

TopoDS_Shape chamfered(const TopoDS_Shape& shape, double size) {
  BRepFilletAPI_MakeChamfer chamfer(shape);
  upright_edges(
      shape, [](double, double) { return true; }, [&](const TopoDS_Edge& edge) { chamfer.Add(size, edge); });
  return chamfer.Shape();
}

TopoDS_Shape plate(Sizes& sizes) {
  const double length = sizes.between(2.0, 4.0), width = sizes.between(1.2, 2.0),
               height = sizes.between(0.2, 0.6);
  auto shape = block(0, 0, 0, length, width, height);
  const int64_t corners = sizes.below(3);
  const double corner = sizes.between(0.15, 0.3);
  if (corners == 1) shape = rounded(shape, corner, [](double, double) { return true; });
  if (corners == 2) shape = chamfered(shape, corner);
  const int64_t holes = sizes.below(3);  // none, two in the middle, four in the corners
  const double radius = sizes.between(0.1, 0.15), inset = 0.35;
  if (holes == 1) {
    shape = cut(shape, rod(length / 2 - length / 4, width / 2, -1, radius, 3));
    shape = cut(shape, rod(length / 2 + length / 4, width / 2, -1, radius, 3));
  }
  if (holes == 2) {
    for (const double x : {inset, length - inset}) {
      for (const double y : {inset, width - inset}) shape = cut(shape, rod(x, y, -1, radius, 3));
    }
  }
  return shape;
}

TopoDS_Shape bracket(Sizes& sizes) {
  const double length = sizes.between(1.5, 2.5), height = sizes.between(1.2, 2.0),
               thick = sizes.between(0.2, 0.4), depth = sizes.between(1.0, 1.6);
  auto shape =
      prism({{0, 0}, {length, 0}, {length, thick}, {thick, thick}, {thick, height}, {0, height}}, depth);
  shape = rounded(shape, sizes.between(0.1, 0.25), [thick](double x, double y) {
    return std::abs(x - thick) < 1e-6 && std::abs(y - thick) < 1e-6;
  });
  const double radius = sizes.between(0.1, 0.2);
  if (sizes.below(2) == 1) shape = cut(shape, rod(length * 0.7, -1, depth / 2, radius, 3, gp_Dir(0, 1, 0)));
  if (sizes.below(2) == 1) shape = cut(shape, rod(-1, height * 0.7, depth / 2, radius, 3, gp_Dir(1, 0, 0)));
  return shape;
}

TopoDS_Shape flange(Sizes& sizes) {
  const double radius = sizes.between(1.2, 2.0), thick = sizes.between(0.2, 0.4), hub = radius * 0.5,
               rise = sizes.between(0.3, 0.8), bore = hub * 0.6;
  auto shape = fused(rod(0, 0, 0, radius, thick), rod(0, 0, 0, hub, thick + rise));
  shape = cut(shape, rod(0, 0, -1, bore, 5));
  const int64_t bolts = 3 * sizes.below(2) + 3 * sizes.below(2);
  for (int64_t i = 0; i < bolts; ++i) {
    const double angle = 2.0 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(bolts);
    shape = cut(shape,
                rod(0.75 * radius * std::cos(angle), 0.75 * radius * std::sin(angle), -1, radius * 0.1, 5));
  }
  return shape;
}

TopoDS_Shape channel(Sizes& sizes) {
  const double width = sizes.between(1.0, 2.0), height = sizes.between(0.8, 1.5),
               thick = sizes.between(0.15, 0.3), length = sizes.between(2.0, 4.0);
  return prism({{0, 0},
                {width, 0},
                {width, height},
                {width - thick, height},
                {width - thick, thick},
                {thick, thick},
                {thick, height},
                {0, height}},
               length);
}

TopoDS_Shape pocket(Sizes& sizes) {
  const double length = sizes.between(1.5, 3.0), width = sizes.between(1.2, 2.0),
               height = sizes.between(0.6, 1.2), wall = sizes.between(0.2, 0.4);
  auto shape = block(0, 0, 0, length, width, height);
  auto hollow = block(wall, wall, height * 0.4, length - 2 * wall, width - 2 * wall, height);
  if (sizes.below(2) == 1) hollow = rounded(hollow, 0.2, [](double, double) { return true; });
  return cut(shape, hollow);
}

TopoDS_Shape shaft(Sizes& sizes) {
  const double first = sizes.between(0.5, 1.0), second = sizes.between(0.2, 0.4),
               length = sizes.between(0.6, 1.5);
  auto shape = fused(rod(0, 0, 0, first, length), rod(0, 0, 0, second, length + sizes.between(0.6, 1.5)));
  if (sizes.below(2) == 1) shape = fused(shape, rod(0, 0, -sizes.between(0.4, 0.8), second, 1.0));
  return shape;
}

TopoDS_Shape tee(Sizes& sizes) {
  const double width = sizes.between(1.6, 2.6), foot = sizes.between(0.4, 0.6),
               height = sizes.between(1.2, 2.0), thick = sizes.between(0.3, 0.5),
               depth = sizes.between(0.8, 1.5);
  const double left = width / 2 - foot / 2, right = width / 2 + foot / 2;
  auto shape = prism({{left, 0},
                      {right, 0},
                      {right, height - thick},
                      {width, height - thick},
                      {width, height},
                      {0, height},
                      {0, height - thick},
                      {left, height - thick}},
                     depth);
  if (sizes.below(2) == 1)
    shape = cut(
        shape, rod(-1, (height - thick) / 2, depth / 2, sizes.between(0.1, 0.2), width + 2, gp_Dir(1, 0, 0)));
  return shape;
}

TopoDS_Shape nut(Sizes& sizes) {
  const double radius = sizes.between(0.8, 1.5), height = sizes.between(0.4, 1.2);
  std::vector<std::array<double, 2>> corners;
  for (int i = 0; i < 6; ++i)
    corners.push_back(
        {radius * std::cos(i * std::numbers::pi / 3), radius * std::sin(i * std::numbers::pi / 3)});
  return cut(prism(corners, height), rod(0, 0, -1, radius * sizes.between(0.4, 0.65), 4));
}

}  // namespace

TopoDS_Shape make_part(int64_t kind, uint64_t seed, uint64_t index) {
  constexpr uint64_t kPartStream = 0x70617274U;
  Sizes sizes(stream_seed(seed, kPartStream, index));
  using Maker = TopoDS_Shape (*)(Sizes&);
  constexpr std::array<Maker, 8> kMakers{plate, bracket, flange, channel, pocket, shaft, tee, nut};
  ShapeUpgrade_UnifySameDomain unified(kMakers.at(static_cast<std::size_t>(kind))(sizes), true, true, false);
  unified.Build();
  return without_seams(unified.Shape());
}

}  // namespace arzoo::cad
