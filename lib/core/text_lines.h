#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace arzoo {

/// The lines of a text, without their ends (LF or CRLF). A last line may have none.
inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    lines.emplace_back(text.substr(at, end - at));
    if (lines.back().ends_with('\r')) lines.back().pop_back();
    at = end + 1;
  }
  return lines;
}

}  // namespace arzoo
