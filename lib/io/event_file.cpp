#include "io/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cctype>
#include <cerrno>

#include "core/error.h"

namespace arzoo::io {

namespace {

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0x82F63B78U : 0U);
    table[i] = value;
  }
  return table;
}

template <class Unsigned>
void append_little_endian(std::string& bytes, Unsigned value) {
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFFU);
}

/// TensorFlow's mask: a CRC stored beside the data it covers must not cancel out in a CRC over both.
std::uint32_t masked(std::uint32_t crc) { return std::rotr(crc, 15) + 0xA282EAD8U; }

// Protocol buffers: a field is its number and wire type, then the value.
enum class Wire : std::uint32_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

void append_varint(std::string& bytes, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>((value & 0x7FU) | 0x80U);
  bytes += static_cast<char>(value);
}

void append_key(std::string& bytes, std::uint32_t field, Wire wire) {
  append_varint(bytes, field << 3U | static_cast<std::uint32_t>(wire));
}

void append_bytes(std::string& bytes, std::uint32_t field, std::string_view value) {
  append_key(bytes, field, Wire::bytes);
  append_varint(bytes, value.size());
  bytes += value;
}

// Field numbers of tensorflow/core/util/event.proto and framework/summary.proto.
constexpr std::uint32_t kEventWallTime = 1, kEventStep = 2, kEventFileVersion = 3, kEventSummary = 5,
                        kEventSessionLog = 7;
constexpr std::uint32_t kSummaryValue = 1, kValueTag = 1, kValueSimple = 2;
constexpr std::uint32_t kSessionLogStatus = 1;
constexpr std::uint64_t kSessionStart = 1;

std::string event_head(double wall_time, std::int64_t step) {
  std::string event;
  append_key(event, kEventWallTime, Wire::fixed64);
  append_little_endian(event, std::bit_cast<std::uint64_t>(wall_time));
  append_key(event, kEventStep, Wire::varint);
  append_varint(event, static_cast<std::uint64_t>(step));
  return event;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  std::string host(name.data());
  for (char& byte : host) {
    if (std::isalnum(static_cast<unsigned char>(byte)) == 0 && byte != '-' && byte != '.') byte = '-';
  }
  return host;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr auto kTable = make_crc_table();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char byte : bytes) crc = (crc >> 8U) ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFFU];
  return ~crc;
}

std::string tf_record(std::string_view payload) {
  std::string record;
  append_little_endian(record, static_cast<std::uint64_t>(payload.size()));
  append_little_endian(record, masked(crc32c(record)));
  record += payload;
  append_little_endian(record, masked(crc32c(payload)));
  return record;
}

EventFile::EventFile(const std::filesystem::path& folder, std::int64_t first_step, double wall_time) {
  const std::string name = fmt::format("events.out.tfevents.{:010.0f}.{}", wall_time, host_name());
  // A run that is resumed within a second needs a name of its own, sorted behind the first.
  for (int n = 0; fd_ < 0; ++n) {
    path_ = folder / (n == 0 ? name : fmt::format("{}.{}", name, n));
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    if (fd_ < 0 && errno != EEXIST) fail_with(path_, "cannot be written", errno);
  }
  std::string version = event_head(wall_time, 0);
  append_bytes(version, kEventFileVersion, "brain.Event:2");
  write(version);
  std::string status;
  append_key(status, kSessionLogStatus, Wire::varint);
  append_varint(status, kSessionStart);
  std::string start = event_head(wall_time, first_step);
  append_bytes(start, kEventSessionLog, status);
  write(start);
}

EventFile::~EventFile() {
  if (fd_ >= 0) ::close(fd_);
}

void EventFile::add(std::int64_t step, const NamedValues& values, double wall_time) {
  std::string summary;
  for (const auto& [name, number] : values) {
    std::string value;
    append_bytes(value, kValueTag, name);
    append_key(value, kValueSimple, Wire::fixed32);
    append_little_endian(value, std::bit_cast<std::uint32_t>(static_cast<float>(number)));
    append_bytes(summary, kSummaryValue, value);
  }
  std::string event = event_head(wall_time, step);
  append_bytes(event, kEventSummary, summary);
  write(event);
}

void EventFile::write(const std::string& event) {
  const std::string record = tf_record(event);
  for (std::string_view left = record; !left.empty();) {
    const ssize_t written = ::write(fd_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_with(path_, "cannot be written", errno);
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace arzoo::io
