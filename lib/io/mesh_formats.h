#pragma once

// The formats behind io/mesh_file.h. What they read is checked there once more as a whole: indices and
// finite numbers.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/file_budget.h"
#include "io/mesh.h"

namespace arzoo::io {

using MeshReader = ByteReader<DataError>;

/// The lines of a text format and the words in them; what does not fit throws DataError "name:line: …".
class MeshText {
 public:
  MeshText(std::string_view bytes, std::string_view name) : left_(bytes), name_(name) {}

  /// The most words of one line, which take more memory than their text.
  static constexpr std::size_t kMostWords = std::size_t{1} << 19;

  /// The words of the next line that has any, without what follows a '#'; false at the end.
  bool next_line();
  const std::vector<std::string_view>& words() const { return words_; }
  /// As next_line, throwing when there is none; `what` was expected.
  void need_line(std::string_view what);
  /// Word `index` of the line as a number.
  float number(std::size_t index, std::string_view what) const;
  int64_t integer(std::size_t index, std::string_view what) const;
  /// The first three numbers from word `index` on.
  Vec3 point(std::size_t index, std::string_view what) const;
  /// What next_line has not read yet.
  std::string_view rest() const { return left_; }
  [[noreturn]] void reject(std::string_view message) const;

 private:
  std::string_view left_, name_;
  std::vector<std::string_view> words_;
  int64_t line_ = 0;
};

/// A mesh that grows as its file is read, as long as the file's budget lasts: a few bytes can name a polygon
/// of many corners, or a part that is instanced many times.
class MeshBuilder {
 public:
  explicit MeshBuilder(FileBudget& budget) : budget_(budget) {}

  /// Called before `count` vertices or triangles are added. Throws DataError when they are too many for the
  /// file.
  void charge_vertices(std::size_t count);
  void charge_triangles(std::size_t count);
  void add_vertex(Vec3 vertex) {
    charge_vertices(1);
    mesh_.vertices.push_back(vertex);
  }
  void add_triangle(Triangle triangle) {
    charge_triangles(1);
    mesh_.triangles.push_back(triangle);
  }
  /// Cuts a polygon into a fan; nothing for fewer than three corners.
  void add_polygon(const std::vector<int32_t>& corners);
  std::size_t vertices() const { return mesh_.vertices.size(); }
  Mesh take() { return std::move(mesh_); }

 private:
  FileBudget& budget_;
  Mesh mesh_;
};
/// Throws DataError unless `index` is one of `vertices` vertices.
int32_t checked_index(int64_t index, std::size_t vertices, std::string_view name, std::string_view what);

/// Throws DataError for a vertex that is not of finite numbers.
void require_finite(const Mesh& mesh, std::string_view name);

Mesh decode_obj(std::string_view bytes, std::string_view name, FileBudget& budget);
Mesh decode_off(std::string_view bytes, std::string_view name, FileBudget& budget);
Mesh decode_stl(std::string_view bytes, std::string_view name, FileBudget& budget);
Mesh decode_ply(std::string_view bytes, std::string_view name, FileBudget& budget);
Mesh decode_glb(std::string_view bytes, std::string_view name, FileBudget& budget);
std::string encode_obj(const Mesh& mesh);
std::string encode_off(const Mesh& mesh);
std::string encode_stl(const Mesh& mesh);
std::string encode_ply(const Mesh& mesh);
std::string encode_glb(const Mesh& mesh);

/// Appends a float's bytes in little-endian order.
void append_float(std::string& out, float value);
void append_point(std::string& out, Vec3 point);

}  // namespace arzoo::io
