#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/bytes.h"

namespace arzoo::test {

/// A zip archive of records (name, content). method: 0 stored, 8 says deflated.
inline std::string zip(const std::vector<std::pair<std::string, std::string>>& records,
                       std::uint16_t method = 0) {
  std::string bytes, directory;
  for (const auto& record : records) {
    const auto& name = record.first;
    const auto& content = record.second;
    const auto sizes = [&](std::string& out) {
      append_little(out, std::uint32_t{0});  // checksum
      append_little(out, static_cast<std::uint32_t>(content.size()));
      append_little(out, static_cast<std::uint32_t>(content.size()));
      append_little(out, static_cast<std::uint16_t>(name.size()));
      append_little(out, std::uint16_t{0});  // extra
    };
    directory += "PK\x01\x02" + std::string(6, '\0');
    append_little(directory, method);
    directory += std::string(4, '\0');
    sizes(directory);
    directory += std::string(10, '\0');
    append_little(directory, static_cast<std::uint32_t>(bytes.size()));
    directory += name;
    bytes += "PK\x03\x04" + std::string(4, '\0');
    append_little(bytes, method);
    bytes += std::string(4, '\0');
    sizes(bytes);
    bytes += name + content;
  }
  const auto offset = static_cast<std::uint32_t>(bytes.size());
  bytes += directory + "PK\x05\x06" + std::string(4, '\0');
  append_little(bytes, static_cast<std::uint16_t>(records.size()));
  append_little(bytes, static_cast<std::uint16_t>(records.size()));
  append_little(bytes, static_cast<std::uint32_t>(directory.size()));
  append_little(bytes, offset);
  return bytes + std::string(2, '\0');
}

}  // namespace arzoo::test
