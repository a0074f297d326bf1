#include "core/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/utf8.h"

namespace arzoo {
namespace {

constexpr std::uint64_t kMaxExpansion = 256;
constexpr std::uint64_t kAlwaysAllowed = std::uint64_t{16} << 20;

class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& path)
      : name_(path.string()), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) fail<DataError>("{}: cannot be opened: {}", name_, std::strerror(errno));
  }
  ~OpenFile() { ::close(fd_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  /// A first guess at how much there is to read; throws for a folder.
  std::size_t expected_size() const {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) fail<DataError>("{}: cannot be read: {}", name_, std::strerror(errno));
    if (S_ISDIR(status.st_mode)) fail<DataError>("{}: is a folder, expected a file", name_);
    return S_ISREG(status.st_mode) ? static_cast<std::size_t>(status.st_size) : 0;
  }

  std::size_t read(char* to, std::size_t size) const {
    for (;;) {
      const ssize_t got = ::read(fd_, to, size);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) fail<DataError>("{}: cannot be read: {}", name_, std::strerror(errno));
    }
  }

 private:
  std::string name_;
  int fd_;
};

[[noreturn]] void fail_too_large(std::string_view name, std::uint64_t max_bytes) {
  fail<DataError>("{}: is larger than {} bytes, the most that is read (split the file)", name, max_bytes);
}

std::string read_all(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const OpenFile file(path);
  const std::size_t expected = file.expected_size();
  if (expected > max_bytes) fail_too_large(path.string(), max_bytes);
  std::string bytes;
  std::size_t filled = 0;
  // One byte more than expected, so that the end of the file is seen without growing the buffer.
  bytes.resize(std::max<std::size_t>(expected + 1, 4096));
  for (;;) {
    const std::size_t got = file.read(bytes.data() + filled, bytes.size() - filled);
    if (got == 0) break;
    filled += got;
    if (filled > max_bytes) fail_too_large(path.string(), max_bytes);
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
  fail<DataError>("{}: expands to more than {} bytes, too much for {} compressed bytes", name, allowed,
                  packed_bytes);
}

void restart_at_next_member(z_stream& stream, std::string_view name) {
  if (::inflateReset(&stream) != Z_OK) fail<DataError>("{}: is not valid gzip", name);
}

/// Fills `text` until the packed bytes end; text.size() is the most that may come out, plus one byte that
/// tells.
std::size_t inflate_members(std::string& packed, std::string& text, std::uint64_t allowed,
                            std::string_view name) {
  Inflater inflater;
  z_stream& stream = inflater.stream();
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  std::size_t filled = 0;
  for (;;) {
    if (filled == text.size()) {
      if (filled > allowed) fail_expands(name, allowed, packed.size());
      text.resize(std::min<std::uint64_t>(text.size() * 2, allowed + 1));
    }
    const std::size_t room = std::min<std::size_t>(text.size() - filled, std::size_t{1} << 30);
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + filled);
    stream.avail_out = static_cast<uInt>(room);
    const int status = ::inflate(&stream, Z_NO_FLUSH);
    filled += room - stream.avail_out;
    // gzip files may be concatenated; what follows a member must be another one.
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0) return filled;
      restart_at_next_member(stream, name);
    } else if (status == Z_BUF_ERROR || (status == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)) {
      fail<DataError>("{}: gzip data ends too early: the file is cut", name);
    } else if (status != Z_OK) {
      fail<DataError>("{}: is not valid gzip: {}", name, stream.msg == nullptr ? "broken data" : stream.msg);
    }
  }
}

std::string inflate_gzip(std::string& packed, std::uint64_t max_bytes, std::string_view name) {
  const std::uint64_t allowed =
      std::min(max_bytes, std::max<std::uint64_t>(kAlwaysAllowed, packed.size() * kMaxExpansion));
  std::string text;
  text.resize(std::min<std::uint64_t>(packed.size() * 4 + 64, allowed + 1));
  text.resize(inflate_members(packed, text, allowed, name));
  if (text.size() > allowed) fail_expands(name, allowed, packed.size());
  text.shrink_to_fit();
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

std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  max_bytes = std::min(max_bytes, kMaxTextBytes);
  std::string bytes = read_all(path, max_bytes);
  const bool gzip = bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
  return gzip ? inflate_gzip(bytes, max_bytes, path.string()) : bytes;
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
