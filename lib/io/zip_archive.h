#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace arzoo::io {

/// The records of a zip archive in memory, as PyTorch writes them: stored, not compressed. Zip64 is read;
/// encryption, compression and several disks are refused. Everything is a view into the bytes, which outlive
/// the archive.
class ZipArchive {
 public:
  struct Record {
    std::string_view name;
    std::uint64_t offset = 0;  ///< of the content, from the start of the bytes
    std::string_view content;
  };

  /// Throws CheckpointError naming `where` (the file) when the directory is broken, a name stands twice, a
  /// record does not lie inside the bytes, or two share bytes. Memory is in proportion to the directory.
  static ZipArchive parse(std::string_view bytes, std::string_view where);

  const std::vector<Record>& records() const { return records_; }
  /// Null when there is none of this name.
  const Record* find(std::string_view name) const;

 private:
  std::vector<Record> records_;
  std::unordered_map<std::string_view, std::size_t> index_;
};

}  // namespace arzoo::io
