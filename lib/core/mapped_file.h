#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace arzoo {

/// A file in memory without reading it: pages come from disk when they are touched. The mapping is private
/// and writable, so a write changes this process's copy of one page and never the file. The size is the one
/// at opening; truncating the file afterwards kills the reader (SIGBUS), so writers replace files, they do
/// not edit them.
class MappedFile {
 public:
  /// Throws CheckpointError when `path` cannot be opened or is not a regular file.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {data_, size_}; }
  /// For libraries that take no pointer to const; not for writing.
  char* data() const { return data_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile(std::filesystem::path path, char* data, std::size_t size);

  std::filesystem::path path_;
  char* data_;
  std::size_t size_;
};

}  // namespace arzoo
