#include "cad/rebuilding.h"

#include <BRepBuilderAPI_MakeEdge.hxx>
#include <BRepBuilderAPI_MakeFace.hxx>
#include <BRepBuilderAPI_MakeSolid.hxx>
#include <BRepBuilderAPI_MakeWire.hxx>
#include <BRepBuilderAPI_Sewing.hxx>
#include <BRepCheck_Analyzer.hxx>
#include <BRepGProp.hxx>
#include <BRepLib.hxx>
#include <BRepMesh_IncrementalMesh.hxx>
#include <BRep_Tool.hxx>
#include <GProp_GProps.hxx>
#include <GeomAPI_PointsToBSpline.hxx>
#include <GeomAPI_PointsToBSplineSurface.hxx>
#include <Geom_BSplineCurve.hxx>
#include <Geom_BSplineSurface.hxx>
#include <Poly_Triangulation.hxx>
#include <ShapeFix_Edge.hxx>
#include <ShapeFix_Face.hxx>
#include <ShapeFix_Wire.hxx>
#include <TColgp_Array1OfPnt.hxx>
#include <TColgp_Array2OfPnt.hxx>
#include <TopExp_Explorer.hxx>
#include <TopoDS.hxx>
#include <TopoDS_Edge.hxx>
#include <TopoDS_Face.hxx>
#include <TopoDS_Shell.hxx>
#include <TopoDS_Solid.hxx>
#include <TopoDS_Wire.hxx>
#include <cmath>

#include "cad/step_files.h"

namespace arzoo::cad {
namespace {

gp_Pnt point_of(const std::array<double, 3>& p) { return {p[0], p[1], p[2]}; }

opencascade::handle<Geom_BSplineCurve> fitted_curve(const std::vector<std::array<double, 3>>& points) {
  TColgp_Array1OfPnt array(1, static_cast<int>(points.size()));
  for (std::size_t i = 0; i < points.size(); ++i)
    array.SetValue(static_cast<int>(i) + 1, point_of(points[i]));
  for (const double tolerance : {5e-3, 8e-3}) {
    try {
      return GeomAPI_PointsToBSpline(array, 0, 8, GeomAbs_C2, tolerance).Curve();
    } catch (const Standard_Failure&) {
    }
  }
  return GeomAPI_PointsToBSpline(array, 0, 8, GeomAbs_C2, 5e-2).Curve();
}

opencascade::handle<Geom_BSplineSurface> fitted_surface(const io::SolidPlan::Face& face, int64_t side) {
  TColgp_Array2OfPnt array(1, static_cast<int>(side), 1, static_cast<int>(side));
  for (int64_t i = 0; i < side; ++i) {
    for (int64_t j = 0; j < side; ++j)
      array.SetValue(static_cast<int>(i) + 1, static_cast<int>(j) + 1,
                     point_of(face.points[static_cast<std::size_t>(i * side + j)]));
  }
  return GeomAPI_PointsToBSplineSurface(array, 3, 8, GeomAbs_C2, 0.05).Surface();
}

void fix_wires(const TopoDS_Face& face) {
  for (TopExp_Explorer wires(face, TopAbs_WIRE); wires.More(); wires.Next()) {
    ShapeFix_Wire fix(TopoDS::Wire(wires.Current()), face, 0.01);
    fix.Perform();
  }
}

void add_parameter_curves(const TopoDS_Face& face) {
  ShapeFix_Edge fix;
  for (TopExp_Explorer edges(face, TopAbs_EDGE); edges.More(); edges.Next())
    fix.FixAddPCurve(TopoDS::Edge(edges.Current()), face, false, 0.001);
}

TopoDS_Wire wire_of(const std::vector<int64_t>& loop, const std::vector<TopoDS_Edge>& edges) {
  BRepBuilderAPI_MakeWire wire;
  for (const int64_t coedge : loop) wire.Add(edges.at(static_cast<std::size_t>(coedge)));
  return wire.Wire();
}

TopoDS_Face trimmed_face(const io::SolidPlan::Face& face, int64_t side,
                         const std::vector<TopoDS_Edge>& edges) {
  BRepBuilderAPI_MakeFace builder(fitted_surface(face, side), wire_of(face.loops.at(0), edges));
  for (std::size_t i = 1; i < face.loops.size(); ++i) builder.Add(wire_of(face.loops[i], edges));
  const TopoDS_Face made = builder.Face();
  fix_wires(made);
  add_parameter_curves(made);
  fix_wires(made);
  ShapeFix_Face fix(made);
  fix.SetPrecision(0.01);
  fix.SetMaxTolerance(0.1);
  fix.Perform();
  fix.FixOrientation();
  return fix.Face();
}

/// Points where the shape's faces end meet are doubled, as STL's do.
io::Mesh triangulated(const TopoDS_Shape& shape) {
  BRepMesh_IncrementalMesh mesher(shape, 0.01, false, 0.3, false);
  io::Mesh mesh;
  for (TopExp_Explorer faces(shape, TopAbs_FACE); faces.More(); faces.Next()) {
    TopLoc_Location place;
    const auto face = TopoDS::Face(faces.Current());
    const auto triangles = BRep_Tool::Triangulation(face, place);
    if (triangles.IsNull()) continue;
    const auto first = static_cast<int32_t>(mesh.vertices.size());
    for (int i = 1; i <= triangles->NbNodes(); ++i) {
      const auto point = triangles->Node(i).Transformed(place.Transformation());
      mesh.vertices.push_back(
          {static_cast<float>(point.X()), static_cast<float>(point.Y()), static_cast<float>(point.Z())});
    }
    const bool reversed = face.Orientation() == TopAbs_REVERSED;
    for (int i = 1; i <= triangles->NbTriangles(); ++i) {
      int a = 0, b = 0, c = 0;
      triangles->Triangle(i).Get(a, b, c);
      if (reversed) std::swap(b, c);
      mesh.triangles.push_back({first + a - 1, first + b - 1, first + c - 1});
    }
  }
  return mesh;
}

}  // namespace

std::string build_solid(const io::SolidPlan& plan, io::BuiltSolid& built) {
  built = {};
  std::vector<TopoDS_Edge> edges;
  for (const auto& points : plan.coedges)
    edges.push_back(BRepBuilderAPI_MakeEdge(fitted_curve(points)).Edge());
  BRepBuilderAPI_Sewing sewing(0.002);
  for (const auto& face : plan.faces) sewing.Add(trimmed_face(face, plan.side, edges));
  sewing.Perform();
  const auto sewn = sewing.SewedShape();
  if (sewn.IsNull()) return "the faces cannot be sewn";
  if (sewn.ShapeType() != TopAbs_SHELL) return "the faces do not become one shell";
  built.sewn = true;
  const auto shell = TopoDS::Shell(sewn);
  built.closed = sewing.NbFreeEdges() == 0 && BRep_Tool::IsClosed(shell);
  BRepBuilderAPI_MakeSolid maker;
  maker.Add(shell);
  TopoDS_Solid solid = maker.Solid();
  BRepLib::OrientClosedSolid(solid);
  GProp_GProps volume;
  BRepGProp::VolumeProperties(solid, volume);
  built.volume = volume.Mass();
  built.valid =
      built.closed && BRepCheck_Analyzer(solid).IsValid() && std::isfinite(built.volume) && built.volume > 0;
  built.mesh = triangulated(solid);
  return write_step(solid, built.step);
}

}  // namespace arzoo::cad
