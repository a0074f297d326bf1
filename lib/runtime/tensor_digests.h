#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "io/tensor_files.h"

namespace arzoo::runtime {

/// CRC-32 of bytes (zlib's).
std::uint32_t crc32_of(std::string_view bytes);

/// Checksums of a .safetensors file's tensors, in the metadata under kDigestsKey: a JSON object of each
/// tensor's name and 8 hexadecimal digits. Files of other programs have none and are not checked.
class TensorDigests {
 public:
  /// Throws CheckpointError when the file tells of some tensors, but not of exactly those that it holds: it
  /// is damaged then.
  explicit TensorDigests(const io::TensorFile& file);

  /// Throws CheckpointError for a tensor whose bytes are not what was written.
  void check(const io::TensorFile& file, const io::StoredTensor& tensor) const;

  /// The entry of the metadata that says so.
  static std::pair<std::string, std::string> entry(
      const std::vector<std::pair<std::string, std::uint32_t>>& digests);

 private:
  std::unordered_map<std::string, std::string> known_;
};

}  // namespace arzoo::runtime
