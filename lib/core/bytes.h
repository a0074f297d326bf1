#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/error.h"

/// Bounds-checked reading of files that nobody vouches for.
namespace arzoo {

/// a * b and a + b, or nothing when the result does not fit into 64 bits.
inline std::optional<std::uint64_t> checked_multiply(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}
inline std::optional<std::uint64_t> checked_add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

/// `text` as an error message may show it: in quotes, printable ASCII only, at most about 100 characters. A
/// file's own words must not be able to break the line or to drive the terminal.
inline std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 100;
  std::string shown = "\"";
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e || c == '"' || c == '\\') {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown + (text.size() > kLongest ? "\"…" : "\"");
}

/// Appends `value` in little-endian order.
template <class Integer>
void append_little(std::string& out, Integer value) {
  auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    out += static_cast<char>(bits & 0xff);
    bits = sizeof(Integer) > 1 ? static_cast<decltype(bits)>(bits >> 8) : 0;
  }
}

/// A cursor over bytes that never leaves them: what would, throws Failure and names what was being read.
/// It owns nothing; `bytes` and `where` outlive it.
template <class Failure>
class ByteReader {
 public:
  ByteReader(std::string_view bytes, std::string_view where) : bytes_(bytes), where_(where) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t remaining() const { return bytes_.size() - position_; }
  std::string_view where() const { return where_; }

  /// The next `count` bytes. `what` names them in an error.
  std::string_view take(std::uint64_t count, std::string_view what) {
    if (count > remaining()) {
      fail<Failure>("{}: ends inside {}: {} bytes at byte {}, expected {} (is the file truncated?)", where_,
                    what, remaining(), position_, count);
    }
    const auto taken = bytes_.substr(position_, count);
    position_ += count;
    return taken;
  }

  /// The bytes before the next `end`, which is passed over.
  std::string_view take_until(char end, std::string_view what) {
    const auto length = bytes_.substr(position_).find(end);
    if (length == std::string_view::npos) {
      fail<Failure>("{}: ends inside {} that starts at byte {}", where_, what, position_);
    }
    const auto taken = bytes_.substr(position_, length);
    position_ += length + 1;
    return taken;
  }

  template <class Integer>
  Integer little(std::string_view what) {
    const auto taken = take(sizeof(Integer), what);
    std::uint64_t bits = 0;
    for (std::size_t i = sizeof(Integer); i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(taken[i]);
    return static_cast<Integer>(bits);
  }

  template <class Integer>
  Integer big(std::string_view what) {
    std::uint64_t bits = 0;
    for (const char c : take(sizeof(Integer), what)) bits = bits << 8 | static_cast<unsigned char>(c);
    return static_cast<Integer>(bits);
  }

 private:
  std::string_view bytes_;
  std::string_view where_;
  std::uint64_t position_ = 0;
};

}  // namespace arzoo
