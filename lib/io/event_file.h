#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/progress.h"

namespace arzoo::io {

/// Scalars for TensorBoard: an events.out.tfevents file in the format of TensorFlow's EventsWriter (TFRecord
/// framing, masked CRC-32C, Event messages of version 2). Each call is one write, so that a viewer sees it at
/// once.
class EventFile {
 public:
  /// Starts a new file in `folder`; TensorBoard reads all of a folder's files in the order of their names.
  /// `first_step` is the first step that this file will hold: what earlier files say from there on (a run
  /// killed after its last saved state) is then disregarded. `wall_time`: seconds since 1970. Throws
  /// UsageError or SystemFailure, as fail_with does.
  EventFile(const std::filesystem::path& folder, std::int64_t first_step, double wall_time);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  /// One point of each curve; a name with a slash, "train/loss", is put into the group before it. Throws
  /// UsageError or SystemFailure, as fail_with does.
  void add(std::int64_t step, const NamedValues& values, double wall_time);

  const std::filesystem::path& path() const { return path_; }

 private:
  void write(const std::string& event);

  std::filesystem::path path_;
  int fd_ = -1;
};

/// CRC-32C (Castagnoli): 0xE3069283 for "123456789".
std::uint32_t crc32c(std::string_view bytes);

/// A TFRecord: length, masked CRC of the length, `payload`, masked CRC of the payload, all little-endian.
std::string tf_record(std::string_view payload);

}  // namespace arzoo::io
