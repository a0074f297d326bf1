#include "io/mesh_file.h"

#include <bit>
#include <charconv>
#include <limits>

#include "core/ascii.h"
#include "core/atomic_file.h"
#include "core/text_file.h"
#include "io/mesh_formats.h"

namespace arzoo::io {
namespace {

namespace fs = std::filesystem;

std::string extension_of(const fs::path& path) {
  const auto extension = to_lower(path.extension().string());
  return extension.empty() ? extension : extension.substr(1);
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

/// The words of a line, and one more than there may be where there are more.
void split_words(std::string_view line, std::vector<std::string_view>& words) {
  for (std::size_t begin = 0; begin < line.size() && words.size() <= MeshText::kMostWords;) {
    if (is_space(line[begin])) {
      ++begin;
      continue;
    }
    std::size_t end = begin;
    while (end < line.size() && !is_space(line[end])) ++end;
    words.push_back(line.substr(begin, end - begin));
    begin = end;
  }
}

template <class Number>
bool parsed(std::string_view word, Number& value) {
  if (word.starts_with('+')) word.remove_prefix(1);
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc() && end == word.data() + word.size();
}

}  // namespace

bool MeshText::next_line() {
  while (!left_.empty()) {
    const auto end = left_.find('\n');
    auto line = left_.substr(0, end);
    left_.remove_prefix(end == left_.npos ? left_.size() : end + 1);
    ++line_;
    line = line.substr(0, line.find('#'));
    words_.clear();
    split_words(line, words_);
    if (words_.size() > kMostWords) reject(fmt::format("a line of more than {} words", kMostWords));
    if (!words_.empty()) return true;
  }
  words_.clear();
  return false;
}

void MeshText::need_line(std::string_view what) {
  if (!next_line()) fail<DataError>("{}: ends where {} is expected (is the file truncated?)", name_, what);
}

void MeshText::reject(std::string_view message) const { fail<DataError>("{}:{}: {}", name_, line_, message); }

float MeshText::number(std::size_t index, std::string_view what) const {
  if (index >= words_.size()) reject(fmt::format("ends inside {}", what));
  double value = 0.0;
  if (!parsed(words_[index], value))
    reject(fmt::format("{} is no number, expected {}", in_quotes(words_[index]), what));
  return static_cast<float>(value);
}

int64_t MeshText::integer(std::size_t index, std::string_view what) const {
  if (index >= words_.size()) reject(fmt::format("ends inside {}", what));
  int64_t value = 0;
  if (!parsed(words_[index], value))
    reject(fmt::format("{} is no whole number, expected {}", in_quotes(words_[index]), what));
  return value;
}

Vec3 MeshText::point(std::size_t index, std::string_view what) const {
  return {number(index, what), number(index + 1, what), number(index + 2, what)};
}

// What a mesh takes in a command that looks at it: its own 12 bytes, again when it is welded, and what finds
// equal vertices and shared edges.
void MeshBuilder::charge_vertices(std::size_t count) {
  constexpr std::uint64_t kPerVertex = 112;
  budget_.charge(kPerVertex * count, "its vertices");
}

void MeshBuilder::charge_triangles(std::size_t count) {
  constexpr std::uint64_t kPerTriangle = 48;
  budget_.charge(kPerTriangle * count, "its triangles");
}

void MeshBuilder::add_polygon(const std::vector<int32_t>& corners) {
  for (std::size_t i = 2; i < corners.size(); ++i) add_triangle({corners[0], corners[i - 1], corners[i]});
}

void require_finite(const Mesh& mesh, std::string_view name) {
  for (std::size_t i = 0; i < mesh.vertices.size(); ++i) {
    const auto& v = mesh.vertices[i];
    if (std::isfinite(v.x) && std::isfinite(v.y) && std::isfinite(v.z)) continue;
    fail<DataError>("{}: vertex {} is ({}, {}, {}), expected finite numbers", name, i, v.x, v.y, v.z);
  }
}

int32_t checked_index(int64_t index, std::size_t vertices, std::string_view name, std::string_view what) {
  if (index < 0 || static_cast<std::uint64_t>(index) >= vertices)
    fail<DataError>("{}: {}: vertex {}, expected one of {}", name, what, index, vertices);
  return static_cast<int32_t>(index);
}

void append_float(std::string& out, float value) { append_little(out, std::bit_cast<std::uint32_t>(value)); }

void append_point(std::string& out, Vec3 point) {
  for (int axis = 0; axis < 3; ++axis) append_float(out, point[axis]);
}

bool is_mesh_name(const fs::path& path) {
  const auto extension = extension_of(path);
  return std::find(std::begin(kMeshExtensions), std::end(kMeshExtensions), extension) !=
         std::end(kMeshExtensions);
}

MeshFormat mesh_format(const fs::path& path) {
  const auto extension = extension_of(path);
  for (std::size_t i = 0; i < std::size(kMeshExtensions); ++i) {
    if (extension == kMeshExtensions[i]) return static_cast<MeshFormat>(i);
  }
  fail<UsageError>("{}: \"{}\" is no format of meshes (expected .obj, .ply, .stl, .off or .glb)",
                   path.string(), extension);
}

Mesh decode_mesh(std::string_view bytes, MeshFormat format, std::string_view name, FileBudget budget) {
  // Indices are of 32 bits, and no format takes less than a byte for a vertex.
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int32_t>::max()))
    fail<DataError>("{}: {} bytes, expected a mesh of at most 2 GiB", name, bytes.size());
  using Decode = Mesh (*)(std::string_view, std::string_view, FileBudget&);
  constexpr Decode kDecoders[] = {&decode_obj, &decode_ply, &decode_stl, &decode_off, &decode_glb};
  auto mesh = kDecoders[static_cast<std::size_t>(format)](bytes, name, budget);
  if (mesh.triangles.empty()) fail<DataError>("{}: no faces, expected a surface", name);
  require_finite(mesh, name);
  return mesh;
}

Mesh read_mesh(const fs::path& path) {
  const auto format = mesh_format(path);
  const auto file = read_input_text(path);
  return decode_mesh(file.text, format, path.string(), file.budget);
}

std::string encode_mesh(const Mesh& mesh, MeshFormat format) {
  using Encode = std::string (*)(const Mesh&);
  constexpr Encode kEncoders[] = {&encode_obj, &encode_ply, &encode_stl, &encode_off, &encode_glb};
  return kEncoders[static_cast<std::size_t>(format)](mesh);
}

void write_mesh(const fs::path& path, const Mesh& mesh) {
  write_atomically(path, encode_mesh(mesh, mesh_format(path)));
}

}  // namespace arzoo::io
