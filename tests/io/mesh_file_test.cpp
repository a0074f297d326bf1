#include "io/mesh_file.h"

#include <random>

#include "support/test.h"

#include "core/error.h"

using namespace arzoo;

namespace {

/// A closed box with one corner cut off, so that no two formats can confuse its axes.
io::Mesh wedge() {
  io::Mesh mesh;
  mesh.vertices = {{0, 0, 0}, {1, 0, 0}, {0, 2, 0}, {0, 0, 3}};
  mesh.triangles = {{0, 2, 1}, {0, 1, 3}, {0, 3, 2}, {1, 2, 3}};
  return mesh;
}

constexpr io::MeshFormat kFormats[] = {io::MeshFormat::obj, io::MeshFormat::ply, io::MeshFormat::stl,
                                       io::MeshFormat::off, io::MeshFormat::glb};

io::MeshSummary summary_of(const std::string& text, io::MeshFormat format) {
  return summarise(io::decode_mesh(text, format, "a"));
}

std::string mesh_error(const std::string& text, io::MeshFormat format) {
  try {
    io::decode_mesh(text, format, "a.mesh");
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a mesh comes back from each format with its surface and its orientation") {
  const auto format = GENERATE(from_range(std::begin(kFormats), std::end(kFormats)));
  const auto read = io::decode_mesh(io::encode_mesh(wedge(), format), format, "a");
  const auto summary = summarise(read);
  CAPTURE(io::kMeshExtensions[static_cast<int>(format)]);
  CHECK(summary.vertices == 4);
  CHECK(summary.is_watertight());
  CHECK(summary.volume == Approx(1.0));
  CHECK(summary.box.high == io::Vec3{1, 2, 3});
}

TEST_CASE("a file that is cut anywhere is refused or is a mesh, never more") {
  const auto format = GENERATE(from_range(std::begin(kFormats), std::end(kFormats)));
  const auto bytes = io::encode_mesh(wedge(), format);
  const bool is_text = format == io::MeshFormat::obj || format == io::MeshFormat::off;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    if (is_text) {
      try {
        io::decode_mesh(bytes.substr(0, size), format, "a");
      } catch (const DataError&) {
      }
    } else {
      CHECK_THROWS_AS(io::decode_mesh(bytes.substr(0, size), format, "a"), DataError);
    }
  }
}

TEST_CASE("an OBJ may count from the end, name textures and normals, and have polygons") {
  const auto summary = summary_of(
      "# a square\r\nmtllib x.mtl\no thing\nv 0 0 0 1\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvn 0 0 1\n"
      "g side\nusemtl red\ns off\nf -4/1/1 2//1 \\\n 3/1 4\n",
      io::MeshFormat::obj);
  CHECK(summary.triangles == 2);
  CHECK(summary.area == Approx(1.0));
}

TEST_CASE("an error names line and expectation") {
  using Row = std::tuple<io::MeshFormat, std::string, std::string>;
  const auto [format, text, message] = GENERATE(table<io::MeshFormat, std::string, std::string>({
      Row{io::MeshFormat::obj, "v 0 0 0\nv 1 0 x\n",
          "a.mesh:2: \"x\" is no number, expected a vertex of three numbers"},
      Row{io::MeshFormat::obj, "v 0 0 0\nf 1 2 3\n",
          "a.mesh:2: corner \"2\", expected one of the 1 vertices"},
      Row{io::MeshFormat::obj, "v 0 0 0\nf 1 1\n", "a.mesh:2: a face of 2 corners"},
      Row{io::MeshFormat::obj, "hello\n", "a.mesh:1: \"hello\" is no statement of an OBJ file"},
      Row{io::MeshFormat::obj, "v 0 0 0\n", "a.mesh: no faces"},
      Row{io::MeshFormat::obj, "v 0 0 inf\nv 0 0 1\nv 0 1 0\nf 1 2 3\n", "a.mesh: vertex 0 is (0, 0, inf)"},
      Row{io::MeshFormat::off, "OFX\n", "a.mesh:1: \"OFX\", expected \"OFF\""},
      Row{io::MeshFormat::off, "OFF\n1000000 1 0\n0 0 0\n", "a.mesh:2: 1000000 vertices, more than the rest"},
      Row{io::MeshFormat::off, "OFF\n1 1 0\n0 0 0\n3 0 0 7\n", "a.mesh: face 0: vertex 7, expected one of 1"},
      Row{io::MeshFormat::ply, "ply\nformat ascii 1.0\nelement vertex 1\nproperty thing x\n",
          "a.mesh:4: \"thing\" is no type"},
      Row{io::MeshFormat::ply, "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n1\n",
          "a.mesh: vertices have no property \"y\""},
      Row{io::MeshFormat::stl, "solid a\nfacet normal 0 0 0\nouter loop\nvertex 0 0\n",
          "a.mesh:4: ends inside"},
      Row{io::MeshFormat::glb, "glTF", "a.mesh: ends inside the header"},
  }));
  CAPTURE(text);
  CHECK_THAT(mesh_error(text, format), ContainsSubstring(message));
}

TEST_CASE("a text PLY and a text STL are read as their binary forms are") {
  const auto ply = summary_of(
      "ply\nformat ascii 1.0\ncomment c\nelement vertex 3\nproperty float x\nproperty float y\nproperty "
      "double z\n"
      "property uchar red\nelement face 1\nproperty list uchar int vertex_index\nelement edge 1\n"
      "property int a\nend_header\n0 0 0 7\n1 0 0 7\n0 2 0 7\n3 0 1 2\n5\n",
      io::MeshFormat::ply);
  CHECK(ply.area == Approx(1.0));
  const auto stl = summary_of(
      "solid s\n facet normal 0 0 1\n  outer loop\n   vertex 0 0 0\n   vertex 1 0 0\n   vertex 0 2 0\n"
      "  endloop\n endfacet\nendsolid s\n",
      io::MeshFormat::stl);
  CHECK(stl.area == Approx(1.0));
}

TEST_CASE("a GLB's nodes stand where their transforms say") {
  const auto bytes = io::encode_mesh(wedge(), io::MeshFormat::glb);
  auto moved = bytes;
  const std::string from = R"("nodes":[{"mesh":0}])";
  const auto at = moved.find(from);
  REQUIRE(at != std::string::npos);
  const std::string to = R"("nodes":[{"mesh":0,"scale":[2,-1,1],"translation":[5,0,0]}])";
  moved.replace(at, from.size(), to);
  const auto grown = to.size() - from.size();
  // The JSON chunk's and the file's lengths, kept multiples of four by spaces.
  const auto padding = (4 - grown % 4) % 4;
  const auto json_end = moved.find("BIN") - 4;
  moved.insert(json_end, padding, ' ');
  const auto add = [&](std::size_t field) {
    const auto value =
        static_cast<unsigned char>(moved[field]) + 256 * static_cast<unsigned char>(moved[field + 1]);
    const auto sum = value + grown + padding;
    moved[field] = static_cast<char>(sum & 255);
    moved[field + 1] = static_cast<char>(sum >> 8);
  };
  add(8);
  add(12);
  const auto summary = summarise(io::decode_mesh(moved, io::MeshFormat::glb, "a"));
  CHECK(summary.volume == Approx(2.0));  // mirrored, and turned outwards again
  CHECK(summary.box.low == io::Vec3{5, -2, 0});
  CHECK(summary.box.high == io::Vec3{7, 0, 3});
}

TEST_CASE("welding merges one position, drops what falls together, and keeps the surface closed") {
  io::Mesh soup;
  const auto mesh = wedge();
  for (const auto& triangle : mesh.triangles) {
    const auto first = static_cast<int32_t>(soup.vertices.size());
    for (int k = 0; k < 3; ++k)
      soup.vertices.push_back(mesh.corner(triangle, k) + io::Vec3{k == 0 ? 1e-7F : 0, 0, 0});
    soup.triangles.push_back({first, first + 1, first + 2});
  }
  soup.triangles.push_back({0, 1, 1});
  CHECK(summarise(soup).open_edges > 0);
  CHECK(summarise(io::welded(soup)).vertices > 4);
  const auto whole = summarise(io::welded(soup, 1e-6));
  CHECK(whole.vertices == 4);
  CHECK(whole.euler == 2);
  CHECK(whole.is_watertight());
}

TEST_CASE("welding merges what lies within the tolerance of a vertex that stays, and nothing farther") {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> place(-1.0F, 1.0F);
  const auto tolerance = GENERATE(0.0, 1e-9, 0.02, 0.15);
  io::Mesh mesh;
  for (int i = 0; i < 600; ++i) mesh.vertices.push_back({place(random), place(random), place(random)});
  for (int i = 0; i < 100; ++i) mesh.vertices.push_back(mesh.vertices[static_cast<std::size_t>(7 * i) % 600]);
  for (int i = 0; i + 2 < 700; ++i) mesh.triangles.push_back({i, i + 1, i + 2});
  // The rule, word by word.
  std::vector<io::Vec3> stay;
  std::vector<std::size_t> place_of;
  const auto is_near = [&](io::Vec3 a, io::Vec3 b) {
    for (int axis = 0; axis < 3; ++axis) {
      if (std::abs(double{a[axis]} - b[axis]) > tolerance) return false;
    }
    return true;
  };
  for (const auto& vertex : mesh.vertices) {
    const auto found =
        std::find_if(stay.begin(), stay.end(), [&](io::Vec3 one) { return is_near(vertex, one); });
    place_of.push_back(static_cast<std::size_t>(found - stay.begin()));
    if (found == stay.end()) stay.push_back(vertex);
  }
  std::vector<std::array<io::Vec3, 3>> expected;
  for (const auto& triangle : mesh.triangles) {
    const auto at = [&](std::size_t k) { return place_of[static_cast<std::size_t>(triangle[k])]; };
    if (at(0) == at(1) || at(1) == at(2) || at(2) == at(0)) continue;
    expected.push_back({stay[at(0)], stay[at(1)], stay[at(2)]});
  }
  const auto whole = io::welded(mesh, tolerance);
  REQUIRE(whole.triangles.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    for (int k = 0; k < 3; ++k)
      REQUIRE(whole.corner(whole.triangles[i], k) == expected[i][static_cast<std::size_t>(k)]);
  }
}

TEST_CASE("far from the origin welding merges equal positions alone, however small the tolerance") {
  io::Mesh mesh;
  for (const float x : {1e30F, 1e30F, 2e30F, -0.0F, 0.0F, 1e-20F}) mesh.vertices.push_back({x, 1.0F, x});
  for (const float y : {0.0F, 1.0F}) mesh.vertices.push_back({5.0F, y, 0.0F});
  for (int32_t i = 0; i < 6; ++i) mesh.triangles.push_back({i, 6, 7});
  CHECK(io::welded(mesh, 1e-12).vertices.size() == 3 + 2);
}

TEST_CASE("a surface with a hole, a flipped triangle or a fin is not watertight") {
  auto mesh = wedge();
  const auto spoil = GENERATE(0, 1, 2);
  if (spoil == 0) mesh.triangles.pop_back();
  if (spoil == 1) std::swap(mesh.triangles[0][0], mesh.triangles[0][1]);
  if (spoil == 2) mesh.triangles.push_back(mesh.triangles[0]);
  CHECK_FALSE(summarise(mesh).is_watertight());
}

TEST_CASE("a name without a known extension is refused") {
  CHECK(io::is_mesh_name("A.STL"));
  CHECK_FALSE(io::is_mesh_name("a.png"));
  CHECK_THROWS_WITH(io::mesh_format("a.fbx"), ContainsSubstring("expected .obj, .ply, .stl, .off or .glb"));
}
