#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/mesh.h"

/// Solids of boundary representation (B-rep) and STEP files, by OpenCASCADE. It is in a library of its own,
/// libarzoo_cad.so, which is opened when a STEP file or a B-rep model is used and need not be there
/// otherwise. No exception leaves it: its functions return what went wrong, empty if nothing did.
namespace arzoo::io {

/// Whether a name ends as a STEP file does: .step, .stp.
bool is_step_name(const std::filesystem::path& path);

/// What a STEP file holds.
struct CadSummary {
  int64_t solids = 0, shells = 0, faces = 0, edges = 0, vertices = 0;
  std::vector<std::pair<std::string, int64_t>> surfaces = {};  ///< faces by the type of their surface
  bool closed = false;                                         ///< there is a shell, and each is closed
  bool valid = false;                                          ///< by OpenCASCADE's BRepCheck_Analyzer
  double volume = 0.0, area = 0.0;
  std::array<double, 3> low = {}, high = {};
};

/// Minimum, then maximum.
using Box6 = std::array<float, 6>;

/// A solid as samples of its faces and edges. Every edge belongs to two different faces. The largest extent
/// of all spans [-1, 1]; grids are relative to their own boxes: (p - centre) / (largest extent / 2).
struct BrepGraph {
  int64_t side = 32;                    ///< samples along an axis of a face, and along an edge
  std::vector<float> face_points = {};  ///< [F, side, side, 3]
  std::vector<float> edge_points = {};  ///< [E, side, 3]
  std::vector<Box6> face_boxes = {}, edge_boxes = {};
  std::vector<std::array<int32_t, 2>> edge_faces = {};
  std::vector<std::string> surfaces = {};  ///< type of each face's surface, where it is known

  int64_t faces() const { return static_cast<int64_t>(face_boxes.size()); }
  int64_t edges() const { return static_cast<int64_t>(edge_boxes.size()); }
};

/// What may be read of a file.
struct CadLimits {
  int64_t side = 32;
  int64_t faces = 200, edges = 1000;  ///< of a solid
  uint64_t bytes = 100'000'000;       ///< of the file
};

/// The solids of a file that can be used, and why others cannot.
struct CadSolids {
  std::vector<BrepGraph> solids = {};
  std::vector<std::string> refused = {};
};

/// A solid to be built: the points of its faces and of the edges of each face, loop by loop.
struct SolidPlan {
  struct Face {
    std::vector<std::array<double, 3>> points = {};  ///< [side, side]
    std::vector<std::vector<int64_t>> loops = {};    ///< of coedges, the outer loop first
  };
  int64_t side = 32;
  std::vector<Face> faces = {};
  std::vector<std::vector<std::array<double, 3>>> coedges = {};
};

/// A solid that was built, or what became of the attempt.
struct BuiltSolid {
  bool sewn = false;    ///< the faces are one shell
  bool closed = false;  ///< which has no free edge
  bool valid = false;   ///< and is a solid that passes BRepCheck_Analyzer and has a volume
  double volume = 0.0;
  Mesh mesh = {};         ///< a triangulation
  std::string step = {};  ///< as a STEP file
};

class CadPlugin {
 public:
  virtual ~CadPlugin() = default;
  virtual std::string describe(const std::string& path, const CadLimits& limits,
                               CadSummary& summary) const = 0;
  /// Closed faces and edges are split; a solid is refused that is not manifold, is degenerate, is not in one
  /// piece, or has too many faces or edges.
  virtual std::string read(const std::string& path, const CadLimits& limits, CadSolids& solids) const = 0;
  /// A parametric part: number `index` of a seed. kind: one of part_kinds(), below their count.
  virtual std::string make_part(int64_t kind, uint64_t seed, uint64_t index, int64_t side, BrepGraph& graph,
                                std::string* step) const = 0;
  virtual std::string build(const SolidPlan& plan, BuiltSolid& built) const = 0;
};

/// plate, bracket, flange, channel, pocket, shaft, tee, nut: the kinds of parts that can be made.
const std::vector<std::string>& part_kinds();

/// Opens the plug-in on behalf of `what`, a file or a model. Throws DataError, naming it and how to get the
/// plug-in, if it is not there or cannot be opened.
const CadPlugin& cad_plugin(const std::string& what);

/// The one symbol that is looked up in it.
using CadPluginFunction = const CadPlugin* (*)();
inline constexpr const char* kCadPluginSymbol = "arzoo_cad_plugin";

}  // namespace arzoo::io
