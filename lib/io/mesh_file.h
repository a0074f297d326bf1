#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/file_budget.h"
#include "io/mesh.h"

/// Files of meshes: OBJ, PLY (text and both binary forms), STL (text and binary), OFF, GLB (glTF 2.0).
namespace arzoo::io {

enum class MeshFormat { obj, ply, stl, off, glb };

/// Names of the formats as files' extensions have them, without the dot.
inline constexpr std::string_view kMeshExtensions[] = {"obj", "ply", "stl", "off", "glb"};

/// The format that a file's name promises. Throws UsageError, naming the path, for another extension.
MeshFormat mesh_format(const std::filesystem::path& path);
/// Whether a file's name promises a mesh.
bool is_mesh_name(const std::filesystem::path& path);

/// The triangles of a file, polygons cut into fans from their first corner. Vertices are as they stand in the
/// file, but STL, which repeats them, is welded. Textures, colours and materials are passed over; a GLB's
/// nodes are put where their transforms say. `name` is for messages. Throws DataError naming place and
/// expectation, or that the mesh is too much for the budget of its file.
Mesh decode_mesh(std::string_view bytes, MeshFormat format, std::string_view name, FileBudget budget);
inline Mesh decode_mesh(std::string_view bytes, MeshFormat format, std::string_view name) {
  return decode_mesh(bytes, format, name, FileBudget(name, bytes.size()));
}
Mesh read_mesh(const std::filesystem::path& path);

/// The file's bytes; GLB and PLY carry vertex normals. PLY and STL are binary.
std::string encode_mesh(const Mesh& mesh, MeshFormat format);
/// Replaces `path`, whole or not at all, in the format of its extension. Throws UsageError for another
/// extension, else as AtomicFile does.
void write_mesh(const std::filesystem::path& path, const Mesh& mesh);

}  // namespace arzoo::io
