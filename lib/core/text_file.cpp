#include "core/text_file.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "core/bytes.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/standard_streams.h"
#include "core/utf8.h"

namespace arzoo {
namespace {

[[noreturn]] void fail_too_large(std::string_view name, std::uint64_t max_bytes) {
  fail<DataError>("{}: is larger than {} bytes, the most that is read (split the file)", name, max_bytes);
}

std::string read_all(const InputFile& file, std::string_view name, std::uint64_t max_bytes) {
  if (file.size() > max_bytes) fail_too_large(name, max_bytes);
  std::string bytes;
  std::size_t filled = 0;
  // One byte more than expected, so that the end of the file is seen without growing the buffer.
  bytes.resize(std::max<std::size_t>(file.size() + 1, 4096));
  for (;;) {
    const std::size_t got = file.read(bytes.data() + filled, bytes.size() - filled);
    if (got == 0) break;
    filled += got;
    if (filled > max_bytes) fail_too_large(name, max_bytes);
    if (filled == bytes.size()) bytes.resize(bytes.size() * 2);
  }
  bytes.resize(filled);
  return bytes;
}

class Inflater {
 public:
  Inflater() {
    constexpr int kGzipWrapper = 16;
    if (::inflateInit2(&stream_, MAX_WBITS + kGzipWrapper) != Z_OK)
      fail<SystemFailure>("zlib: out of memory");
  }
  ~Inflater() { ::inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

[[noreturn]] void fail_expands(std::string_view name, std::uint64_t allowed, std::size_t packed_bytes) {
  fail<DataError>("{}: expands to more than {} bytes, too much for {} compressed bytes (unpack it first)",
                  name, allowed, packed_bytes);
}

void restart_at_next_member(z_stream& stream, std::string_view name) {
  if (::inflateReset(&stream) != Z_OK) fail<DataError>("{}: is not valid gzip", name);
}

/// Unpacks all members into `room` and returns how many bytes they have. A room that is full ends it early
/// when the bytes are wanted; when they are only counted, each piece is written over the last one.
std::uint64_t inflate_members(std::string& packed, std::span<char> room, bool wanted, std::uint64_t allowed,
                              std::string_view name) {
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;
  Inflater inflater;
  z_stream& stream = inflater.stream();
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  std::uint64_t count = 0;
  for (;;) {
    const auto left = wanted ? room.subspan(count) : room;
    if (left.empty()) return count;
    if (count > allowed) fail_expands(name, allowed, packed.size());
    const auto piece = std::min(left.size(), kMostAtOnce);
    stream.next_out = reinterpret_cast<Bytef*>(left.data());
    stream.avail_out = static_cast<uInt>(piece);
    const int status = ::inflate(&stream, Z_NO_FLUSH);
    count += piece - stream.avail_out;
    // gzip files may be concatenated; what follows a member must be another one.
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0) return count;
      restart_at_next_member(stream, name);
    } else if (status == Z_BUF_ERROR || (status == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)) {
      fail<DataError>("{}: gzip data ends too early: the file is cut", name);
    } else if (status != Z_OK) {
      fail<DataError>("{}: is not valid gzip: {}", name, stream.msg == nullptr ? "broken data" : stream.msg);
    }
  }
}

/// The size that the last member says it has, modulo 2^32: of a file of one member, that of the text.
std::uint64_t promised_size(std::string_view packed) {
  if (packed.size() < sizeof(std::uint32_t)) return 0;
  ByteReader<DataError> end(packed.substr(packed.size() - sizeof(std::uint32_t)), "");
  return end.little<std::uint32_t>("");
}

std::string inflate_gzip(std::string& packed, std::uint64_t max_bytes, FileBudget& budget,
                         std::string_view name) {
  const std::uint64_t allowed = std::min(max_bytes, budget.left());
  // A byte more than expected tells that there is more. A buffer that grew would take half as much again.
  std::string text(std::min(promised_size(packed), allowed) + 1, '\0');
  auto size = inflate_members(packed, text, true, allowed, name);
  if (size == text.size()) {
    text = std::string();
    std::array<char, std::size_t{1} << 16> piece;
    size = inflate_members(packed, piece, false, allowed, name);
    if (size > allowed) fail_expands(name, allowed, packed.size());
    text.resize(size + 1);
    inflate_members(packed, text, true, allowed, name);
  }
  budget.charge(size, "its text");
  text.resize(size);
  return text;
}

bool is_plain_ascii(const char* eight) {
  std::uint64_t word;
  std::memcpy(&word, eight, sizeof word);
  constexpr std::uint64_t kHigh = 0x8080808080808080U, kOnes = 0x0101010101010101U;
  // The second term is non-zero if some byte is zero.
  return (word & kHigh) == 0 && ((word - kOnes) & ~word & kHigh) == 0;
}

}  // namespace

InputText unpacked_text(std::string bytes, const std::string& name, std::uint64_t max_bytes) {
  FileBudget budget(name, bytes.size());
  const bool gzip = bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
  if (gzip) bytes = inflate_gzip(bytes, std::min(max_bytes, kMaxTextBytes), budget, name);
  return {std::move(bytes), std::move(budget)};
}

InputText read_input_text(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const auto file = InputFile::open<DataError>(path, InputFile::Pipes::allowed);
  const auto name = path.string();
  return unpacked_text(read_all(file, name, std::min(max_bytes, kMaxTextBytes)), name, max_bytes);
}

InputText read_standard_input(std::uint64_t max_bytes) {
  const auto file = InputFile::standard_input();
  return unpacked_text(read_all(file, "stdin", std::min(max_bytes, kMaxTextBytes)), "stdin", max_bytes);
}

std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return read_input_text(path, max_bytes).text;
}

void require_utf8(std::string_view text, std::string_view name) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    fail<DataError>("{}:1: is UTF-16 text, expected UTF-8 (save the file as UTF-8)", name);
  std::size_t at = 0;
  while (at < text.size()) {
    if (at + 8 <= text.size() && is_plain_ascii(text.data() + at)) {
      at += 8;
      continue;
    }
    const std::size_t length = text[at] == '\0' ? 0 : utf8_length(text, at);
    if (length == 0) {
      const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
      fail<DataError>("{}:{}: byte 0x{:02x} at offset {} is not UTF-8 text (save the file as UTF-8)", name,
                      line, static_cast<unsigned char>(text[at]), at);
    }
    at += length;
  }
}

}  // namespace arzoo
