#pragma once

#include <utility>

#include "support/test.h"
#include "support/zip.h"

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

}  // namespace arzoo::test
