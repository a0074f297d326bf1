#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace arzoo {

/// Makes `path` and the folders above it where they are not there. Throws UsageError for an empty path, a
/// file in its place and a place where none may be made; SystemFailure for a full disk.
void make_folder(const std::filesystem::path& path);

/// A folder that a command fills with files, and a record in it (`.arzoo-files`) that tells them from all
/// else that lies there. A file is recorded before it is written, so the record of a run that was killed is
/// complete.
class OutputFolder {
 public:
  /// Makes the folder, or adds to the one that is there. Throws as make_folder does.
  explicit OutputFolder(std::filesystem::path path);

  /// Replaces the file `name` of the folder, whole or not at all, and returns its path. Throws as AtomicFile
  /// does.
  std::filesystem::path write(const std::string& name, std::string_view bytes);

  /// Removes the files that earlier runs wrote, this one did not, and `is_stale` confirms. A file whose
  /// content is no longer what was recorded is the user's and stays. Returns how many were removed.
  std::size_t finish(const std::function<bool(std::string_view name)>& is_stale);

 private:
  struct Content {
    std::uint64_t bytes = 0;
    std::uint32_t checksum = 0;
    bool operator==(const Content&) const = default;
  };
  using Record = std::map<std::string, std::vector<Content>, std::less<>>;

  static Content content_of(std::string_view bytes);
  static std::string line_of(const std::string& name, const Content& content);
  Record read_record() const;
  void append_record(std::string_view line) const;
  bool is_as_recorded(const std::string& name, const std::vector<Content>& contents) const;

  std::filesystem::path path_, record_;
  Record earlier_, written_;
};

}  // namespace arzoo
