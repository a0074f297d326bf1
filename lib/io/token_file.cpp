#include "io/token_file.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/error.h"
#include "core/mapped_file.h"

namespace arzoo::io {
namespace {

constexpr std::string_view kMagic = "ARZT";
constexpr std::uint8_t kFormatVersion = 1;
constexpr std::size_t kTokenHeader = 24, kCheck = 4, kMostPlacement = 16;
/// A token of one bit takes four bytes in memory: no file may ask for more than 64 MB.
constexpr std::size_t kMostTokens = std::size_t{1} << 24;

template <class Value>
void append(std::string& bytes, Value value) {
  for (std::size_t i = 0; i < sizeof(Value); ++i)
    bytes.push_back(static_cast<char>(static_cast<std::uint8_t>(value >> (8 * i))));
}

template <class Value>
Value number_at(std::string_view bytes, std::size_t offset) {
  Value value = 0;
  for (std::size_t i = 0; i < sizeof(Value); ++i)
    value |= static_cast<Value>(static_cast<Value>(static_cast<std::uint8_t>(bytes[offset + i])) << (8 * i));
  return value;
}

std::uint32_t check_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

std::uint64_t bytes_of_tokens(std::uint64_t tokens, int bits) {
  return (tokens * static_cast<std::uint64_t>(bits) + 7) / 8;
}

}  // namespace

int token_bits(std::uint32_t vocabulary) {
  return std::max(1, static_cast<int>(std::bit_width(vocabulary - 1)));
}

std::string token_file_bytes(const TokenFile& file) {
  if (file.vocabulary < 2) fail<DataError>("a token of {} values, expected at least 2", file.vocabulary);
  if (file.placement.size() > kMostPlacement)
    fail<DataError>("{} numbers of a placement, expected at most {}", file.placement.size(), kMostPlacement);
  if (file.tokens.size() > kMostTokens)
    fail<DataError>("{} tokens, expected at most {}", file.tokens.size(), kMostTokens);
  std::string bytes(kMagic);
  append(bytes, kFormatVersion);
  append(bytes, static_cast<std::uint8_t>(file.placement.size()));
  append(bytes, std::uint16_t{0});
  append(bytes, file.model);
  append(bytes, file.vocabulary);
  append(bytes, static_cast<std::uint32_t>(file.tokens.size()));
  for (const float value : file.placement) {
    if (!std::isfinite(value)) fail<DataError>("a placement of {}, expected a finite number", value);
    append(bytes, std::bit_cast<std::uint32_t>(value));
  }
  const int bits = token_bits(file.vocabulary);
  std::uint64_t pending = 0;
  int held = 0;
  for (const std::uint32_t token : file.tokens) {
    if (token >= file.vocabulary)
      fail<DataError>("a token of {}, expected one below {}", token, file.vocabulary);
    pending |= std::uint64_t{token} << held;
    for (held += bits; held >= 8; held -= 8, pending >>= 8)
      bytes.push_back(static_cast<char>(pending & 0xFF));
  }
  if (held > 0) bytes.push_back(static_cast<char>(pending & 0xFF));
  append(bytes, check_of(bytes));
  return bytes;
}

TokenFile parse_token_file(std::string_view bytes, const std::string& where) {
  if (bytes.size() < kTokenHeader + kCheck || !bytes.starts_with(kMagic))
    fail<DataError>("{}: no token file, expected one that arzoo encode wrote", where);
  if (const auto version = number_at<std::uint8_t>(bytes, 4); version != kFormatVersion)
    fail<DataError>("{}: a token file of version {}, expected {}", where, version, kFormatVersion);
  const std::size_t placement = number_at<std::uint8_t>(bytes, 5);
  if (placement > kMostPlacement || number_at<std::uint16_t>(bytes, 6) != 0)
    fail<DataError>("{}: a damaged header of a token file", where);
  TokenFile file;
  file.model = number_at<std::uint64_t>(bytes, 8);
  file.vocabulary = number_at<std::uint32_t>(bytes, 16);
  const std::uint64_t count = number_at<std::uint32_t>(bytes, 20);
  if (file.vocabulary < 2)
    fail<DataError>("{}: a token of {} values, expected at least 2", where, file.vocabulary);
  const int bits = token_bits(file.vocabulary);
  const std::uint64_t packed = bytes_of_tokens(count, bits),
                      expected = kTokenHeader + 4 * placement + packed + kCheck;
  if (bytes.size() != expected)
    fail<DataError>("{}: {} bytes, expected {} for {} tokens of {} bits", where, bytes.size(), expected,
                    count, bits);
  if (count > kMostTokens) fail<DataError>("{}: {} tokens, expected at most {}", where, count, kMostTokens);
  const auto body = bytes.substr(0, bytes.size() - kCheck);
  if (number_at<std::uint32_t>(bytes, body.size()) != check_of(body))
    fail<DataError>("{}: the checksum differs: the file is damaged", where);
  for (std::size_t i = 0; i < placement; ++i) {
    file.placement.push_back(std::bit_cast<float>(number_at<std::uint32_t>(bytes, kTokenHeader + 4 * i)));
    if (!std::isfinite(file.placement.back())) fail<DataError>("{}: a placement that is not finite", where);
  }
  const auto coded = body.substr(kTokenHeader + 4 * placement);
  file.tokens.reserve(static_cast<std::size_t>(count));
  std::uint64_t pending = 0;
  int held = 0;
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    for (; held < bits; held += 8) pending |= std::uint64_t{static_cast<std::uint8_t>(coded[at++])} << held;
    const auto token = static_cast<std::uint32_t>(pending & ((std::uint64_t{1} << bits) - 1));
    pending >>= bits;
    held -= bits;
    if (token >= file.vocabulary)
      fail<DataError>("{}: token {} is {}, expected one below {}", where, i, token, file.vocabulary);
    file.tokens.push_back(token);
  }
  if (pending != 0) fail<DataError>("{}: bits behind the last token, expected zeros", where);
  return file;
}

TokenFile read_token_file(const std::filesystem::path& path) {
  return parse_token_file(MappedFile::open(path)->bytes(), path.string());
}

}  // namespace arzoo::io
