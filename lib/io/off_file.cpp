// OFF, Geomview's object file format.

#include "io/mesh_formats.h"

namespace arzoo::io {
namespace {

/// A count of things of which each takes at least two bytes.
std::size_t count_of(const MeshText& text, std::size_t word, std::string_view what) {
  const int64_t count = text.integer(word, what);
  if (count < 0 || static_cast<std::uint64_t>(count) > text.rest().size() / 2 + 1)
    text.reject(fmt::format("{} {}, more than the rest of the file can hold", count, what));
  return static_cast<std::size_t>(count);
}

}  // namespace

Mesh decode_off(std::string_view bytes, std::string_view name, FileBudget& budget) {
  MeshText text(bytes, name);
  text.need_line("\"OFF\"");
  const auto first = text.words().front();
  // NOFF, COFF, STOFF: each vertex goes on with a normal, a colour or texture coordinates.
  if (!first.ends_with("OFF") || first.size() > 6 || first.find('4') != first.npos)
    text.reject(fmt::format("{}, expected \"OFF\"", in_quotes(first)));
  std::size_t word = 1;
  if (text.words().size() < 2) {
    text.need_line("the numbers of vertices and faces");
    word = 0;
  }
  const auto vertices = count_of(text, word, "vertices"), faces = count_of(text, word + 1, "faces");
  MeshBuilder mesh(budget);
  for (std::size_t i = 0; i < vertices; ++i) {
    text.need_line("a vertex");
    mesh.add_vertex(text.point(0, "a vertex of three numbers"));
  }
  std::vector<int32_t> corners;
  for (std::size_t i = 0; i < faces; ++i) {
    text.need_line("a face");
    const int64_t count = text.integer(0, "the number of a face's corners");
    if (count < 1 || static_cast<std::uint64_t>(count) >= text.words().size())
      text.reject(fmt::format("a face of {} corners on a line of {} numbers", count, text.words().size()));
    corners.clear();
    for (int64_t k = 1; k <= count; ++k) {
      corners.push_back(checked_index(text.integer(static_cast<std::size_t>(k), "a corner's vertex"),
                                      vertices, name, fmt::format("face {}", i)));
    }
    mesh.add_polygon(corners);
  }
  return mesh.take();
}

std::string encode_off(const Mesh& mesh) {
  std::string out = fmt::format("OFF\n{} {} 0\n", mesh.vertices.size(), mesh.triangles.size());
  for (const auto& v : mesh.vertices) out += fmt::format("{} {} {}\n", v.x, v.y, v.z);
  for (const auto& [a, b, c] : mesh.triangles) out += fmt::format("3 {} {} {}\n", a, b, c);
  return out;
}

}  // namespace arzoo::io
