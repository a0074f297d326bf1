#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace arzoo {

/// A file that appears whole or not at all: what is appended goes to a temporary name in the same folder, and
/// commit() makes it durable and gives it its name. Until then, and after any failure, a file of that name is
/// as it was; without commit() the temporary is removed. A link is followed, and an old file's permissions
/// are kept.
class AtomicFile {
 public:
  /// Throws UsageError, naming `path`, if its folder is not there or takes no new file or `path` is a folder,
  /// pipe or device; SystemFailure if the disk fails.
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Throws SystemFailure, naming `path`: disk full, file size limit.
  void append(std::string_view bytes);
  /// Flushes to disk and renames; the object is spent afterwards. Throws SystemFailure.
  void commit();

  const std::filesystem::path& path() const { return path_; }

 private:
  void write_out(std::string_view bytes);
  [[noreturn]] void fail_here(std::string_view action) const;

  std::filesystem::path path_;       ///< as the caller named it, for messages
  std::filesystem::path target_;     ///< behind a link
  std::filesystem::path temporary_;  ///< empty once renamed or removed
  std::string buffer_;
  int fd_ = -1;
};

/// Replaces `path` by `bytes`, whole or not at all. Throws as AtomicFile does.
void write_atomically(const std::filesystem::path& path, std::string_view bytes);

}  // namespace arzoo
