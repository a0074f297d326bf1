#include "io/byte_level.h"

#include <array>
#include <unordered_map>

#include "core/utf8.h"
#include "io/unicode.h"

namespace arzoo::io {
namespace {

bool prints(int byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
}

const std::array<char32_t, 256>& codes() {
  static const auto table = [] {
    std::array<char32_t, 256> all{};
    char32_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) all[byte] = prints(byte) ? byte : next++;
    return all;
  }();
  return table;
}

}  // namespace

std::string byte_level_name(unsigned char byte) {
  std::string name;
  unicode::append_utf8(name, codes()[byte]);
  return name;
}

std::optional<std::string> byte_level_bytes(std::string_view name) {
  static const auto bytes = [] {
    std::unordered_map<char32_t, char> table;
    for (int byte = 0; byte < 256; ++byte) table[codes()[byte]] = static_cast<char>(byte);
    return table;
  }();
  std::string out;
  for (std::size_t at = 0; at < name.size();) {
    const auto length = utf8_length(name, at);
    if (length == 0) return std::nullopt;
    const auto found = bytes.find(code_point(name, at, length));
    if (found == bytes.end()) return std::nullopt;
    out.push_back(found->second);
    at += length;
  }
  return out;
}

}  // namespace arzoo::io
