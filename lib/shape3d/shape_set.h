#pragma once

#include <optional>

#include "io/picture.h"
#include "shape3d/data_options.h"
#include "shape3d/surface_points.h"

namespace arzoo::shape3d {

/// Points of space and whether they lie inside a shape.
struct LabelledPoints {
  std::vector<io::Vec3> points = {};
  std::vector<uint8_t> inside = {};
};

/// One shape, normalised, and the points that were sampled of it beforehand.
struct Shape {
  std::string name;  ///< for messages and reports
  int64_t label = 0;
  io::Mesh mesh = {};  ///< empty once it was forgotten
  SurfacePoints surface = {};
  LabelledPoints volume = {}, near = {};   ///< of the cube [-1, 1]^3, and beside the surface
  std::vector<io::Picture> outlines = {};  ///< framed, from evenly spread sides
};

/// Outlines of a shape, from so many sides, evenly spread.
struct Outlines {
  int64_t sides = 0, pixels = 32;
};

/// How many points and outlines each shape has.
struct SampleCounts {
  int64_t surface = 0, volume = 0, near = 0;
  double near_sigma = 0.05;
  Outlines outlines = {};
};

/// Shapes with classes: made-up solids, then the meshes of a folder.
class ShapeSet {
 public:
  /// Solids number `first`, …, taking the classes in turn. Throws DataError, before it makes them, for more
  /// than memory holds.
  void add_solids(const std::vector<std::string>& kinds, int64_t first, int64_t count, uint64_t seed,
                  const SampleCounts& amounts);
  /// Meshes in sorted order; sub-folders are classes, files beside them one class named for the folder. Parts
  /// that are inside out are flipped, and notes() says so. Throws DataError for a mesh that is broken or not
  /// closed, and for a folder without any.
  void add_meshes(const std::filesystem::path& folder, uint64_t seed, const SampleCounts& amounts);

  /// Gives these classes the first numbers, so that two sets agree about them. Of an empty set.
  void know_classes(const std::vector<std::string>& names) { class_names_ = names; }

  const std::vector<Shape>& shapes() const { return shapes_; }
  /// Gives the memory of a shape's mesh back.
  void forget_mesh(std::size_t index) { shapes_[index].mesh = {}; }
  const std::vector<std::string>& class_names() const { return class_names_; }
  /// What a user should know of the meshes, one line each.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  /// The number of a class; of an unknown one, that it would get.
  int64_t class_of(const std::string& name) const;
  int64_t label_of(const std::string& name);

  std::vector<Shape> shapes_;
  std::vector<std::string> class_names_, notes_;
};

/// A mesh as the models see it.
struct NormalisedMesh {
  io::Mesh mesh;         ///< its longest side fills the cube's 2 kSolidHalf, its triangles face outwards
  int64_t turned = 0;    ///< parts that were inside out
  Placement place = {};  ///< what moved it there
};
/// Throws DataError, naming `name`, unless the mesh is closed.
NormalisedMesh normalised(const io::Mesh& mesh, const std::string& name);

}  // namespace arzoo::shape3d
