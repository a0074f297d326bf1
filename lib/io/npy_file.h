#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/mapped_file.h"
#include "io/number_bytes.h"
#include "io/zip_archive.h"

/// Arrays as NumPy stores them: .npy files, and .npz archives of them.
namespace arzoo::io {

/// A view of an array's bytes, row-major.
struct NpyArray {
  NumberType type;
  std::vector<int64_t> shape;
  std::string_view bytes;
};

/// Throws DataError, opened by `where`, for bytes that are no .npy file: of elements that are no
/// little-endian floats or integers, in Fortran order, of no elements or of another number than the header
/// says.
NpyArray parse_npy(std::string_view bytes, std::string_view where);

/// The bytes of a .npy file: little-endian numbers of this type, row-major.
std::string npy_bytes(const NpyArray& array);

/// A .npz archive, or a .npy file taken for an archive of one array without a name, mapped into memory.
class NpzFile {
 public:
  /// Throws DataError when the file is neither, or compressed.
  explicit NpzFile(const std::filesystem::path& path);

  const std::string& name() const { return name_; }
  /// Of its arrays; one empty name for a .npy file.
  std::vector<std::string> arrays() const;
  bool contains(std::string_view array) const;
  /// Valid as long as the file object lives. Throws DataError, naming what is there, when there is none.
  NpyArray at(std::string_view array) const;

 private:
  std::string name_;
  std::shared_ptr<const MappedFile> mapping_;
  ZipArchive archive_;
};

}  // namespace arzoo::io
