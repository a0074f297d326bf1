// STL: a soup of triangles, in text or as records of 50 bytes.

#include <bit>

#include "io/mesh_formats.h"

namespace arzoo::io {
namespace {

constexpr std::size_t kHeader = 80, kRecord = 50;

Vec3 read_point(MeshReader& reader) {
  Vec3 point;
  for (int axis = 0; axis < 3; ++axis)
    point[axis] = std::bit_cast<float>(reader.little<std::uint32_t>("a triangle"));
  return point;
}

void add_triangle(Mesh& mesh, const std::array<Vec3, 3>& corners) {
  const auto first = static_cast<int32_t>(mesh.vertices.size());
  mesh.vertices.insert(mesh.vertices.end(), corners.begin(), corners.end());
  mesh.triangles.push_back({first, first + 1, first + 2});
}

Mesh decode_binary(std::string_view bytes, std::string_view name) {
  MeshReader reader(bytes, name);
  reader.take(kHeader, "the header");
  const std::uint64_t count = reader.little<std::uint32_t>("the number of triangles");
  if (reader.remaining() != count * kRecord) {
    fail<DataError>("{}: {} bytes of triangles, expected {} x {} (is the file truncated?)", name,
                    reader.remaining(), count, kRecord);
  }
  Mesh mesh;
  mesh.vertices.reserve(3 * count);
  mesh.triangles.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    read_point(reader);  // the normal, which the corners' order says as well
    add_triangle(mesh, {read_point(reader), read_point(reader), read_point(reader)});
    reader.little<std::uint16_t>("a triangle");
  }
  return mesh;
}

/// "facet normal …", "outer loop", three of "vertex x y z", "endloop", "endfacet".
Mesh decode_text(std::string_view bytes, std::string_view name) {
  MeshText text(bytes, name);
  const auto expect = [&](std::string_view word) {
    if (text.words().front() != word)
      text.reject(fmt::format("{}, expected \"{}\"", in_quotes(text.words().front()), word));
  };
  Mesh mesh;
  while (text.next_line()) {
    const auto word = text.words().front();
    if (word == "solid" || word == "endsolid") continue;
    expect("facet");
    text.need_line("\"outer loop\"");
    expect("outer");
    std::array<Vec3, 3> corners;
    for (auto& corner : corners) {
      text.need_line("\"vertex\"");
      expect("vertex");
      corner = text.point(1, "a vertex of three numbers");
    }
    for (const auto* end : {"endloop", "endfacet"}) {
      text.need_line(end);
      expect(end);
    }
    add_triangle(mesh, corners);
  }
  return mesh;
}

bool is_text(std::string_view bytes) {
  // Binary files may begin with "solid" too; their size gives them away.
  if (!bytes.starts_with("solid")) return false;
  if (bytes.size() < kHeader + 4) return true;
  MeshReader reader(bytes.substr(kHeader), "");
  return bytes.size() != kHeader + 4 + std::uint64_t{reader.little<std::uint32_t>("")} * kRecord;
}

}  // namespace

Mesh decode_stl(std::string_view bytes, std::string_view name, FileBudget&) {
  // A triangle takes 48 bytes and at least as many in the file, and nothing names one twice.
  const auto soup = is_text(bytes) ? decode_text(bytes, name) : decode_binary(bytes, name);
  require_finite(soup, name);
  Box3 box;
  for (const auto& vertex : soup.vertices) box.add(vertex);
  double side = 0.0;
  for (int axis = 0; axis < 3 && !soup.vertices.empty(); ++axis)
    side = std::max(side, double{box.high[axis]} - box.low[axis]);
  // Writers compute the corners of each triangle anew: they differ in the last digits.
  constexpr double kRounding = 1e-6;
  return welded(soup, kRounding * side);
}

std::string encode_stl(const Mesh& mesh) {
  std::string out = "arzoo";
  out.resize(kHeader, ' ');
  append_little(out, static_cast<std::uint32_t>(mesh.triangles.size()));
  for (const auto& triangle : mesh.triangles) {
    append_point(out, unit(mesh.area_vector(triangle)));
    for (int k = 0; k < 3; ++k) append_point(out, mesh.corner(triangle, k));
    append_little(out, std::uint16_t{0});
  }
  return out;
}

}  // namespace arzoo::io
