#pragma once

#include <utility>

#include "support/test.h"

/// Files as NumPy writes them.
namespace arzoo::test {

/// A .npy file of version 1; header: the items of its dict.
inline std::string npy(const std::string& header, const std::string& numbers) {
  const auto text = "{" + header + "}\n";
  return std::string("\x93NUMPY\1") + '\0' + static_cast<char>(text.size()) + '\0' + text + numbers;
}

inline std::string little(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

/// A zip archive of records (name, content). method: 0 stored, 8 deflated.
inline std::string zip(const std::vector<std::pair<std::string, std::string>>& records, int method = 0) {
  std::string content, directory;
  for (const auto& [name, bytes] : records) {
    const auto sizes = little(bytes.size(), 4) + little(bytes.size(), 4);
    const auto offset = content.size();
    content += std::string("PK\3\4") + little(20, 2) + little(0, 2) + little(method, 2) + little(0, 8) +
               sizes + little(name.size(), 2) + little(0, 2) + name + bytes;
    directory += std::string("PK\1\2") + little(20, 2) + little(20, 2) + little(0, 2) + little(method, 2) +
                 little(0, 8) + sizes + little(name.size(), 2) + little(0, 12) + little(offset, 4) + name;
  }
  return content + directory + "PK\5\6" + little(0, 4) + little(records.size(), 2) +
         little(records.size(), 2) + little(directory.size(), 4) + little(content.size(), 4) + little(0, 2);
}

}  // namespace arzoo::test
