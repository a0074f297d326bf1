// GLB, the binary form of glTF 2.0 (Khronos): https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html

#include <bit>
#include <optional>

#include "core/config.h"
#include "io/mesh_formats.h"

namespace arzoo::io {
namespace {

constexpr std::uint32_t kGlbMagic = 0x46546C67, kVersion = 2, kJsonChunk = 0x4E4F534A,
                        kBinaryChunk = 0x004E4942;
constexpr int64_t kTriangles = 4;
constexpr int64_t kByte = 5121, kShort = 5123, kInt = 5125, kFloat = 5126;
constexpr int64_t kVertexTarget = 34962, kIndexTarget = 34963;

/// An affine map: three rows of four numbers.
using Affine = std::array<double, 12>;
constexpr Affine kIdentity{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};

Vec3 applied(const Affine& map, Vec3 p) {
  Vec3 result;
  for (std::size_t row = 0; row < 3; ++row)
    result[static_cast<int>(row)] = static_cast<float>(map[4 * row] * p.x + map[4 * row + 1] * p.y +
                                                       map[4 * row + 2] * p.z + map[4 * row + 3]);
  return result;
}

Affine product(const Affine& outer, const Affine& inner) {
  Affine result{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 4; ++column) {
      double sum = column == 3 ? outer[4 * row + 3] : 0.0;
      for (std::size_t k = 0; k < 3; ++k) sum += outer[4 * row + k] * inner[4 * k + column];
      result[4 * row + column] = sum;
    }
  }
  return result;
}

bool mirrors(const Affine& m) {
  return m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) +
             m[2] * (m[4] * m[9] - m[5] * m[8]) <
         0.0;
}

/// Translation, rotation (a quaternion) and scale.
Affine transform(const std::vector<double>& t, const std::vector<double>& q, const std::vector<double>& s) {
  const double x = q[0], y = q[1], z = q[2], w = q[3];
  const std::array<double, 9> rotation{
      1 - 2 * (y * y + z * z), 2 * (x * y - z * w),     2 * (x * z + y * w),
      2 * (x * y + z * w),     1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
      2 * (x * z - y * w),     2 * (y * z + x * w),     1 - 2 * (x * x + y * y)};
  Affine result{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column)
      result[4 * row + column] = rotation[3 * row + column] * s[column];
    result[4 * row + 3] = t[row];
  }
  return result;
}

/// The numbers of an accessor, each bounds-checked before any is read.
struct Numbers {
  std::string_view bytes;
  int64_t type = kFloat;
  std::size_t count = 0, stride = 0;

  float real(std::size_t item, std::size_t part) const {
    return std::bit_cast<float>(static_cast<std::uint32_t>(raw(item * stride + part * 4, 4)));
  }
  int64_t whole(std::size_t item) const {
    return static_cast<int64_t>(raw(item * stride, type == kByte ? 1 : type == kShort ? 2 : 4));
  }

 private:
  std::uint64_t raw(std::size_t at, std::size_t size) const {
    std::uint64_t bits = 0;
    for (std::size_t i = size; i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(bytes[at + i]);
    return bits;
  }
};

/// A list in the file's description. Its items are looked at one by one, since a Config holds a copy of its
/// value.
class List {
 public:
  List(const Config& owner, const char* key) : owner_(owner), key_(key) {
    if (!owner.has(key)) return;
    items_ = &owner.json().at(key);
    if (!items_->is_array()) owner.at(key).reject("expected a list");
  }
  std::size_t size() const { return items_ == nullptr ? 0 : items_->size(); }
  Config operator[](std::size_t i) const {
    return {items_->at(i), owner_.name(), fmt::format("{}/{}/{}", owner_.pointer(), key_, i)};
  }

 private:
  const Config& owner_;
  const char* key_;
  const Json* items_ = nullptr;
};

/// Triangles of a mesh as the file stores them.
struct Primitive {
  Numbers positions, indices;
  bool indexed = false;
  std::size_t number = 0;  ///< in its mesh, for messages

  std::size_t triangles() const { return (indexed ? indices.count : positions.count) / 3; }
};

class GlbReader {
 public:
  GlbReader(const Config& json, std::string_view binary, FileBudget& budget)
      : json_(json),
        binary_(binary),
        budget_(budget),
        nodes_(json, "nodes"),
        meshes_(json, "meshes"),
        accessors_(json, "accessors"),
        views_(json, "bufferViews"),
        visited_(nodes_.size()),
        primitives_(meshes_.size()),
        mesh_(budget) {}

  Mesh read() {
    if (List(json_, "extensionsRequired").size() > 0)
      json_.at("extensionsRequired").reject("expected a file that can be read without extensions");
    const List scenes(json_, "scenes");
    if (scenes.size() == 0) {
      // Without a scene the meshes stand as they are.
      for (std::size_t i = 0; i < meshes_.size(); ++i) add_mesh(i, kIdentity);
      return mesh_.take();
    }
    const auto scene = scenes[json_.has("scene") ? index_of(json_.at("scene"), scenes.size()) : 0];
    const List roots(scene, "nodes");
    for (std::size_t i = 0; i < roots.size(); ++i) add_node(roots[i], kIdentity, 0);
    return mesh_.take();
  }

 private:
  static std::size_t index_of(const Config& value, std::size_t size) {
    int64_t index = 0;
    value.read(index, at_least(0));
    if (static_cast<std::uint64_t>(index) >= size)
      value.reject(fmt::format("{}, expected one of {}", index, size));
    return static_cast<std::size_t>(index);
  }

  static std::size_t size_at(const Config& object, const char* key, int64_t otherwise) {
    int64_t size = otherwise;
    if (object.has(key)) object.at(key).read(size, between(0, 1e12));
    return static_cast<std::size_t>(size);
  }

  static std::vector<double> vector_at(const Config& node, const char* key, std::vector<double> otherwise) {
    if (!node.has(key)) return otherwise;
    std::vector<double> values;
    node.at(key).read(values, {});
    if (values.size() != otherwise.size())
      node.at(key).reject(fmt::format("{} numbers, expected {}", values.size(), otherwise.size()));
    return values;
  }

  static Affine transform_of(const Config& node) {
    if (!node.has("matrix"))
      return transform(vector_at(node, "translation", {0, 0, 0}), vector_at(node, "rotation", {0, 0, 0, 1}),
                       vector_at(node, "scale", {1, 1, 1}));
    const auto columns = vector_at(node, "matrix", std::vector<double>(16));
    Affine map{};
    for (std::size_t row = 0; row < 3; ++row) {
      for (std::size_t column = 0; column < 4; ++column) map[4 * row + column] = columns[4 * column + row];
    }
    return map;
  }

  void add_node(const Config& reference, const Affine& above, std::size_t depth) {
    const auto index = index_of(reference, nodes_.size());
    if (visited_[index]) reference.reject("a node with several parents, expected a tree");
    visited_[index] = true;
    constexpr std::size_t kDeepest = 256;
    if (depth > kDeepest) reference.reject(fmt::format("nodes within nodes, more than {} deep", kDeepest));
    const auto node = nodes_[index];
    const auto map = product(above, transform_of(node));
    if (node.has("mesh")) add_mesh(index_of(node.at("mesh"), meshes_.size()), map);
    const List children(node, "children");
    for (std::size_t i = 0; i < children.size(); ++i) add_node(children[i], map, depth + 1);
  }

  /// A mesh may be instanced many times: its description is read once, and each instance is charged for.
  void add_mesh(std::size_t index, const Affine& map) {
    if (!primitives_[index]) primitives_[index] = read_primitives(index);
    for (const auto& primitive : *primitives_[index]) add_primitive(primitive, index, map);
  }

  /// Those that have triangles.
  std::vector<Primitive> read_primitives(std::size_t mesh) {
    const auto description = meshes_[mesh];
    const List list(description, "primitives");
    if (list.size() == 0) description.at("primitives").reject("expected a list of at least 1");
    std::vector<Primitive> found;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto primitive = list[i];
      int64_t mode = kTriangles;
      if (primitive.has("mode")) primitive.at("mode").read(mode, between(0, 6));
      if (mode < kTriangles) continue;  // points and lines
      if (mode != kTriangles) primitive.at("mode").reject("a strip or fan, expected single triangles (4)");
      Primitive read{numbers(primitive.at("attributes").at("POSITION"), "VEC3", {kFloat}), {}, false, i};
      read.indexed = primitive.has("indices");
      if (read.indexed) read.indices = numbers(primitive.at("indices"), "SCALAR", {kByte, kShort, kInt});
      if (read.triangles() == 0) continue;
      budget_.charge(2 * sizeof(Primitive), "its primitives");
      found.push_back(read);
    }
    return found;
  }

  void add_primitive(const Primitive& primitive, std::size_t mesh, const Affine& map) {
    const auto& positions = primitive.positions;
    const auto first = mesh_.vertices();
    for (std::size_t i = 0; i < positions.count; ++i)
      mesh_.add_vertex(applied(map, {positions.real(i, 0), positions.real(i, 1), positions.real(i, 2)}));
    const bool mirrored = mirrors(map);
    const auto where = fmt::format("/meshes/{}/primitives/{}", mesh, primitive.number);
    for (std::size_t i = 0; i < 3 * primitive.triangles(); i += 3) {
      Triangle triangle{};
      for (std::size_t k = 0; k < 3; ++k) {
        const auto vertex = primitive.indexed ? primitive.indices.whole(i + k) : static_cast<int64_t>(i + k);
        triangle[k] =
            static_cast<int32_t>(first) + checked_index(vertex, positions.count, json_.name(), where);
      }
      if (mirrored) std::swap(triangle[1], triangle[2]);
      mesh_.add_triangle(triangle);
    }
  }

  Numbers numbers(const Config& reference, const char* kind, const std::vector<int64_t>& types) const {
    const auto accessor = accessors_[index_of(reference, accessors_.size())];
    if (accessor.has("sparse") || !accessor.has("bufferView"))
      accessor.reject("a sparse accessor, expected one with a bufferView");
    if (accessor.text("type") != kind)
      accessor.at("type").reject(fmt::format("{}, expected {}", accessor.text("type"), kind));
    Numbers result;
    accessor.at("componentType").read(result.type, {});
    if (std::find(types.begin(), types.end(), result.type) == types.end())
      accessor.at("componentType").reject(fmt::format("{} is no type of {}s here", result.type, kind));
    const std::size_t parts = std::string_view(kind) == "VEC3" ? 3 : 1;
    const std::size_t item = parts * (result.type == kByte ? 1 : result.type == kShort ? 2 : 4);
    const auto view = views_[index_of(accessor.at("bufferView"), views_.size())];
    if (size_at(view, "buffer", 0) != 0) view.at("buffer").reject("expected 0, the file's own buffer");
    const auto offset = size_at(view, "byteOffset", 0), length = size_at(view, "byteLength", 0);
    if (offset > binary_.size() || length > binary_.size() - offset)
      view.reject(fmt::format("bytes {} to {}, the buffer has {}", offset, offset + length, binary_.size()));
    const auto inner = size_at(accessor, "byteOffset", 0);
    result.stride = std::max(size_at(view, "byteStride", 0), item);
    result.count = size_at(accessor, "count", 0);
    if (result.count == 0) return result;
    // Sizes are below 1e12, and a count within the length: no product overflows.
    if (result.stride > length || result.count > length ||
        inner + (result.count - 1) * result.stride + item > length) {
      accessor.reject(
          fmt::format("{} items of {} bytes, its bufferView has {} bytes", result.count, item, length));
    }
    result.bytes = binary_.substr(offset + inner);
    return result;
  }

  const Config& json_;
  std::string_view binary_;
  FileBudget& budget_;
  List nodes_, meshes_, accessors_, views_;
  std::vector<bool> visited_;
  std::vector<std::optional<std::vector<Primitive>>> primitives_;  ///< of each mesh that was met
  MeshBuilder mesh_;
};

struct Chunks {
  std::string_view json, binary;
};

Chunks read_chunks(std::string_view bytes, std::string_view name) {
  MeshReader reader(bytes, name);
  const auto magic = reader.little<std::uint32_t>("the header"),
             version = reader.little<std::uint32_t>("the header");
  if (magic != kGlbMagic || version != kVersion) fail<DataError>("{}: not a GLB file of glTF 2.0", name);
  const std::uint64_t length = reader.little<std::uint32_t>("the header");
  if (length != bytes.size())
    fail<DataError>("{}: {} bytes, its header says {} (is the file truncated?)", name, bytes.size(), length);
  Chunks chunks;
  while (reader.remaining() > 0) {
    const auto size = reader.little<std::uint32_t>("a chunk's header");
    const auto kind = reader.little<std::uint32_t>("a chunk's header");
    const auto content = reader.take(size, "a chunk");
    if (kind == kJsonChunk && chunks.json.empty()) chunks.json = content;
    if (kind == kBinaryChunk && chunks.binary.empty()) chunks.binary = content;
  }
  if (chunks.json.empty()) fail<DataError>("{}: no chunk of JSON", name);
  return chunks;
}

void append_chunk(std::string& out, std::string content, std::uint32_t kind, char padding) {
  content.resize((content.size() + 3) / 4 * 4, padding);
  append_little(out, static_cast<std::uint32_t>(content.size()));
  append_little(out, kind);
  out += content;
}

Json description(const Mesh& mesh) {
  Box3 box;
  for (const auto& vertex : mesh.vertices) box.add(vertex);
  const auto list = [](Vec3 v) { return Json::array({v.x, v.y, v.z}); };
  const auto points = 12 * mesh.vertices.size(), indices = 12 * mesh.triangles.size();
  const auto vertices = mesh.vertices.size();
  const auto view = [](std::size_t offset, std::size_t length, int64_t target) {
    return Json{{"buffer", 0}, {"byteOffset", offset}, {"byteLength", length}, {"target", target}};
  };
  return {
      {"asset", {{"version", "2.0"}, {"generator", "arzoo"}}},
      {"scene", 0},
      {"scenes", Json::array({{{"nodes", {0}}}})},
      {"nodes", Json::array({{{"mesh", 0}}})},
      {"meshes", Json::array({{{"primitives", Json::array({{{"attributes", {{"POSITION", 0}, {"NORMAL", 1}}},
                                                            {"indices", 2},
                                                            {"material", 0}}})}}})},
      {"materials", Json::array({{{"pbrMetallicRoughness",
                                   {{"baseColorFactor", {0.75, 0.77, 0.8, 1.0}},
                                    {"metallicFactor", 0.0},
                                    {"roughnessFactor", 0.6}}}}})},
      {"buffers", Json::array({{{"byteLength", 2 * points + indices}}})},
      {"bufferViews", Json::array({view(0, points, kVertexTarget), view(points, points, kVertexTarget),
                                   view(2 * points, indices, kIndexTarget)})},
      {"accessors",
       Json::array({{{"bufferView", 0},
                     {"componentType", kFloat},
                     {"count", vertices},
                     {"type", "VEC3"},
                     {"min", list(box.low)},
                     {"max", list(box.high)}},
                    {{"bufferView", 1}, {"componentType", kFloat}, {"count", vertices}, {"type", "VEC3"}},
                    {{"bufferView", 2},
                     {"componentType", kInt},
                     {"count", 3 * mesh.triangles.size()},
                     {"type", "SCALAR"}}})}};
}

}  // namespace

Mesh decode_glb(std::string_view bytes, std::string_view name, FileBudget& budget) {
  const auto chunks = read_chunks(bytes, name);
  // A number takes two bytes at least, 16 when it is parsed, and half as much again while its list grows.
  constexpr std::uint64_t kCostOfJson = 32;
  budget.charge(kCostOfJson * chunks.json.size(), "its description in JSON");
  try {
    const auto json = Config::parse(chunks.json, std::string(name));
    return GlbReader(json, chunks.binary, budget).read();
  } catch (const ConfigError& error) {
    throw DataError(error.what());
  }
}

std::string encode_glb(const Mesh& mesh) {
  std::string binary;
  for (const auto& vertex : mesh.vertices) append_point(binary, vertex);
  for (const auto& normal : vertex_normals(mesh)) append_point(binary, normal);
  for (const auto& triangle : mesh.triangles) {
    for (const auto index : triangle) append_little(binary, static_cast<std::uint32_t>(index));
  }
  std::string chunks;
  append_chunk(chunks, dump_json(description(mesh)), kJsonChunk, ' ');
  append_chunk(chunks, std::move(binary), kBinaryChunk, '\0');
  std::string out;
  append_little(out, kGlbMagic);
  append_little(out, kVersion);
  constexpr std::uint32_t kHeaderBytes = 12;
  append_little(out, kHeaderBytes + static_cast<std::uint32_t>(chunks.size()));
  return out + chunks;
}

}  // namespace arzoo::io
