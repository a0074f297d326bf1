// PLY, the Stanford polygon format, in text and in both binary forms.

#include <bit>
#include <optional>

#include "io/mesh_formats.h"

namespace arzoo::io {
namespace {

/// How a property's numbers are stored.
struct ScalarType {
  char kind = 'f';  ///< 'f' float, 'i' signed, 'u' unsigned
  std::size_t size = 4;
};

std::optional<ScalarType> scalar_type(std::string_view name) {
  struct Named {
    std::string_view name, other;
    ScalarType type;
  };
  constexpr Named kTypes[] = {{"char", "int8", {'i', 1}},     {"uchar", "uint8", {'u', 1}},
                              {"short", "int16", {'i', 2}},   {"ushort", "uint16", {'u', 2}},
                              {"int", "int32", {'i', 4}},     {"uint", "uint32", {'u', 4}},
                              {"float", "float32", {'f', 4}}, {"double", "float64", {'f', 8}}};
  for (const auto& type : kTypes) {
    if (name == type.name || name == type.other) return type.type;
  }
  return std::nullopt;
}

struct Property {
  std::string name;
  ScalarType type;
  std::optional<ScalarType> count = std::nullopt;  ///< of a list
};

struct Element {
  std::string name;
  int64_t count = 0;
  std::vector<Property> properties = {};
};

enum class Storage { text, little, big };

struct Header {
  Storage storage = Storage::text;
  std::vector<Element> elements = {};
};

ScalarType need_type(const MeshText& text, std::size_t word) {
  const auto name = word < text.words().size() ? text.words()[word] : std::string_view();
  const auto type = scalar_type(name);
  if (!type)
    text.reject(fmt::format("{} is no type, expected char, uchar, … float, double", in_quotes(name)));
  return *type;
}

Property read_property(const MeshText& text) {
  const auto& words = text.words();
  const bool is_list = words.size() > 1 && words[1] == "list";
  const std::size_t name = is_list ? 4 : 2;
  if (words.size() <= name) text.reject("ends inside a property, expected its type and its name");
  Property property{std::string(words[name]), need_type(text, name - 1)};
  if (is_list) {
    property.count = need_type(text, 2);
    if (property.count->kind == 'f') text.reject("a list whose length is no whole number");
  }
  return property;
}

Storage read_storage(const MeshText& text) {
  const auto name = text.words().size() > 1 ? text.words()[1] : std::string_view();
  if (name == "ascii") return Storage::text;
  if (name == "binary_little_endian") return Storage::little;
  if (name == "binary_big_endian") return Storage::big;
  text.reject(fmt::format("the format {}, expected ascii, binary_little_endian or binary_big_endian",
                          in_quotes(name)));
}

Header read_ply_header(MeshText& text) {
  text.need_line("\"ply\"");
  if (text.words().front() != "ply")
    text.reject(fmt::format("{}, expected \"ply\"", in_quotes(text.words().front())));
  Header header;
  for (;;) {
    text.need_line("\"end_header\"");
    const auto word = text.words().front();
    if (word == "end_header") return header;
    if (word == "comment" || word == "obj_info") continue;
    if (word == "format") {
      header.storage = read_storage(text);
    } else if (word == "element") {
      const auto count = text.integer(2, "the number of elements");
      if (count < 0) text.reject(fmt::format("{} elements", count));
      header.elements.push_back({std::string(text.words()[1]), count});
    } else if (word == "property" && !header.elements.empty()) {
      header.elements.back().properties.push_back(read_property(text));
    } else {
      text.reject(fmt::format("{} is no word of a PLY header here", in_quotes(word)));
    }
  }
}

/// The numbers of a body, whatever way they are stored.
class Body {
 public:
  Body(Storage storage, MeshText& text, std::string_view name)
      : storage_(storage), text_(text), name_(name), bytes_(text.rest(), name) {}

  double next(ScalarType type) {
    if (storage_ == Storage::text) {
      while (word_ >= text_.words().size()) {
        text_.need_line("a number");
        word_ = 0;
      }
      double value = 0.0;
      if (type.kind == 'f') {
        value = text_.number(word_, "a number");
      } else {
        value = static_cast<double>(text_.integer(word_, "a whole number"));
      }
      ++word_;
      return value;
    }
    switch (type.size) {
      case 1:
        return value_of<std::uint8_t, std::int8_t>(type);
      case 2:
        return value_of<std::uint16_t, std::int16_t>(type);
      case 4:
        return type.kind == 'f' ? double{std::bit_cast<float>(bits<std::uint32_t>())}
                                : value_of<std::uint32_t, std::int32_t>(type);
      default:
        return std::bit_cast<double>(bits<std::uint64_t>());
    }
  }
  /// Bytes that are left: a bound of how much there can be.
  std::uint64_t remaining() const {
    return storage_ == Storage::text ? text_.rest().size() : bytes_.remaining();
  }
  void start() { word_ = text_.words().size(); }

 private:
  template <class Bits>
  Bits bits() {
    return storage_ == Storage::little ? bytes_.little<Bits>("an element") : bytes_.big<Bits>("an element");
  }
  template <class Unsigned, class Signed>
  double value_of(ScalarType type) {
    const auto raw = bits<Unsigned>();
    return type.kind == 'u' ? static_cast<double>(raw) : static_cast<double>(static_cast<Signed>(raw));
  }

  Storage storage_;
  MeshText& text_;
  std::string_view name_;
  MeshReader bytes_;
  std::size_t word_ = 0;
};

std::size_t list_length(Body& body, const Property& property, std::string_view name) {
  const double length = body.next(*property.count);
  if (length < 0.0 || length > static_cast<double>(body.remaining()) + 1.0)
    fail<DataError>("{}: a list of {} numbers, more than the file can hold", name, length);
  return static_cast<std::size_t>(length);
}

void read_vertices(Body& body, const Element& element, MeshBuilder& mesh, std::string_view name) {
  for (int64_t i = 0; i < element.count; ++i) {
    Vec3 point;
    for (const auto& property : element.properties) {
      const auto length = property.count ? list_length(body, property, name) : 1;
      for (std::size_t k = 0; k < length; ++k) {
        const double value = body.next(property.type);
        if (property.name.size() == 1 && property.name >= "x" && property.name <= "z")
          point[property.name[0] - 'x'] = static_cast<float>(value);
      }
    }
    mesh.add_vertex(point);
  }
}

void read_faces(Body& body, const Element& element, MeshBuilder& mesh, std::string_view name) {
  std::vector<int32_t> corners;
  for (int64_t i = 0; i < element.count; ++i) {
    for (const auto& property : element.properties) {
      const bool is_corners = property.name == "vertex_indices" || property.name == "vertex_index";
      const auto length = property.count ? list_length(body, property, name) : 1;
      corners.clear();
      for (std::size_t k = 0; k < length; ++k) {
        const double value = body.next(property.type);
        if (!is_corners) continue;
        corners.push_back(
            checked_index(static_cast<int64_t>(value), mesh.vertices(), name, fmt::format("face {}", i)));
      }
      if (is_corners) mesh.add_polygon(corners);
    }
  }
}

void pass_over(Body& body, const Element& element, std::string_view name) {
  for (int64_t i = 0; i < element.count; ++i) {
    for (const auto& property : element.properties) {
      const auto length = property.count ? list_length(body, property, name) : 1;
      for (std::size_t k = 0; k < length; ++k) body.next(property.type);
    }
  }
}

bool has_property(const Element& element, std::string_view name) {
  return std::any_of(element.properties.begin(), element.properties.end(),
                     [&](const Property& property) { return property.name == name; });
}

}  // namespace

Mesh decode_ply(std::string_view bytes, std::string_view name, FileBudget& budget) {
  MeshText text(bytes, name);
  const auto header = read_ply_header(text);
  Body body(header.storage, text, name);
  body.start();
  MeshBuilder mesh(budget);
  for (const auto& element : header.elements) {
    // An element without properties takes no bytes: its count alone must not keep us busy.
    if (element.properties.empty()) continue;
    if (static_cast<std::uint64_t>(element.count) > body.remaining())
      fail<DataError>("{}: {} of {}, more than the file can hold", name, element.count,
                      in_quotes(element.name));
    if (element.name == "vertex") {
      for (const char* axis : {"x", "y", "z"}) {
        if (!has_property(element, axis)) fail<DataError>("{}: vertices have no property \"{}\"", name, axis);
      }
      read_vertices(body, element, mesh, name);
    } else if (element.name == "face") {
      read_faces(body, element, mesh, name);
    } else {
      pass_over(body, element, name);
    }
  }
  return mesh.take();
}

std::string encode_ply(const Mesh& mesh) {
  std::string out = fmt::format("ply\nformat binary_little_endian 1.0\ncomment arzoo\nelement vertex {}\n",
                                mesh.vertices.size());
  for (const char* axis : {"x", "y", "z", "nx", "ny", "nz"}) out += fmt::format("property float {}\n", axis);
  out += fmt::format("element face {}\nproperty list uchar int vertex_indices\nend_header\n",
                     mesh.triangles.size());
  const auto normals = vertex_normals(mesh);
  for (std::size_t i = 0; i < mesh.vertices.size(); ++i) {
    append_point(out, mesh.vertices[i]);
    append_point(out, normals[i]);
  }
  for (const auto& triangle : mesh.triangles) {
    append_little(out, std::uint8_t{3});
    for (const auto index : triangle) append_little(out, index);
  }
  return out;
}

}  // namespace arzoo::io
