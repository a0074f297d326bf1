#include "cad/step_files.h"

#include <BRepBndLib.hxx>
#include <BRepCheck_Analyzer.hxx>
#include <BRepGProp.hxx>
#include <BRep_Tool.hxx>
#include <Bnd_Box.hxx>
#include <GProp_GProps.hxx>
#include <Interface_Static.hxx>
#include <Message.hxx>
#include <Message_Messenger.hxx>
#include <STEPControl_Reader.hxx>
#include <STEPControl_Writer.hxx>
#include <TopExp.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <TopoDS.hxx>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "cad/brep_sampling.h"
#include "cad/guarded.h"

namespace arzoo::cad {
namespace {

/// OpenCASCADE tells of its work on stdout, where results go.
void be_quiet() { Message::DefaultMessenger()->ChangePrinters().Clear(); }

int64_t count_of(const TopoDS_Shape& shape, TopAbs_ShapeEnum kind, TopTools_IndexedMapOfShape& found) {
  TopExp::MapShapes(shape, kind, found);
  return found.Extent();
}

/// Why a file cannot be one; the reader itself accepts any text.
std::string refused_bytes(const std::string& path, const io::CadLimits& limits) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) return "cannot be read: " + error.message();
  if (bytes > limits.bytes)
    return "is " + std::to_string(bytes) + " bytes, at most " + std::to_string(limits.bytes) + " expected";
  std::ifstream file(path, std::ios::binary);
  std::string start(1024, '\0');
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<std::size_t>(file.gcount()));
  if (start.find("ISO-10303-21") == std::string::npos)
    return "is no STEP file, expected ISO-10303-21 in its head";
  return {};
}

}  // namespace

std::string read_step(const std::string& path, const io::CadLimits& limits, TopoDS_Shape& shape) {
  be_quiet();
  if (auto error = refused_bytes(path, limits); !error.empty()) return error;
  STEPControl_Reader reader;
  if (reader.ReadFile(path.c_str()) != IFSelect_RetDone) return "is no STEP file that can be read";
  reader.TransferRoots();
  shape = reader.OneShape();
  if (shape.IsNull()) return "holds no shape";
  return {};
}

std::string write_step(const TopoDS_Shape& shape, std::string& text) {
  be_quiet();
  STEPControl_Writer writer;
  Interface_Static::SetCVal("write.step.product.name", "part");
  if (writer.Transfer(shape, STEPControl_AsIs) != IFSelect_RetDone) return "cannot be written as STEP";
  // The writer of this release knows files alone.
  std::string name = (std::filesystem::temp_directory_path() / "arzoo-step-XXXXXX").string();
  const int file = ::mkstemp(name.data());
  if (file < 0) return "cannot be written as STEP: no temporary file";
  std::fclose(::fdopen(file, "w"));
  const auto status = writer.Write(name.c_str());
  std::ifstream written(name, std::ios::binary);
  text.assign(std::istreambuf_iterator<char>(written), {});
  std::error_code ignored;
  std::filesystem::remove(name, ignored);
  if (status != IFSelect_RetDone || text.empty()) return "cannot be written as STEP";
  // The same solid gives the same bytes: FILE_NAME says where and when.
  const auto begin = text.find("FILE_NAME("), end = text.find(");", begin);
  if (begin != std::string::npos && end != std::string::npos)
    text.replace(begin, end + 2 - begin, "FILE_NAME('part','',(''),(''),'arzoo','arzoo','');");
  return {};
}

std::string describe_step(const std::string& path, const io::CadLimits& limits, io::CadSummary& summary) {
  TopoDS_Shape shape;
  if (auto error = read_step(path, limits, shape); !error.empty()) return error;
  TopTools_IndexedMapOfShape solids, shells, faces, edges, vertices;
  summary.solids = count_of(shape, TopAbs_SOLID, solids);
  summary.shells = count_of(shape, TopAbs_SHELL, shells);
  summary.faces = count_of(shape, TopAbs_FACE, faces);
  summary.edges = count_of(shape, TopAbs_EDGE, edges);
  summary.vertices = count_of(shape, TopAbs_VERTEX, vertices);
  if (summary.faces == 0) return "holds no face";
  std::map<std::string, int64_t> kinds;
  for (int i = 1; i <= faces.Extent(); ++i) ++kinds[surface_name(faces(i))];
  summary.surfaces.assign(kinds.begin(), kinds.end());
  summary.closed = summary.shells > 0;
  for (int i = 1; i <= shells.Extent(); ++i)
    summary.closed = summary.closed && BRep_Tool::IsClosed(shells(i));
  summary.valid = BRepCheck_Analyzer(shape).IsValid();
  GProp_GProps volume, area;
  BRepGProp::VolumeProperties(shape, volume);
  BRepGProp::SurfaceProperties(shape, area);
  summary.volume = volume.Mass();
  summary.area = area.Mass();
  Bnd_Box box;
  BRepBndLib::AddOptimal(shape, box, false, false);
  if (!box.IsVoid()) {
    box.Get(summary.low[0], summary.low[1], summary.low[2], summary.high[0], summary.high[1],
            summary.high[2]);
  }
  return {};
}

std::string read_solids(const std::string& path, const io::CadLimits& limits, io::CadSolids& solids) {
  TopoDS_Shape shape;
  if (auto error = read_step(path, limits, shape); !error.empty()) return error;
  TopTools_IndexedMapOfShape found;
  if (count_of(shape, TopAbs_SOLID, found) == 0) return "holds no solid";
  for (int i = 1; i <= found.Extent(); ++i) {
    io::BrepGraph graph;
    const auto error = guarded([&] { return sample_solid(without_seams(found(i)), limits, graph); });
    if (error.empty()) {
      solids.solids.push_back(std::move(graph));
    } else {
      solids.refused.push_back("solid " + std::to_string(i) + " " + error);
    }
  }
  return {};
}

}  // namespace arzoo::cad
