#include "core/name_pattern.h"

#include <cstddef>

namespace arzoo {

bool means_name(std::string_view pattern, std::string_view name) {
  constexpr auto kNone = std::string_view::npos;
  std::size_t p = 0, n = 0;
  // Where to go on when what follows the last star does not fit: one character later.
  std::size_t star = kNone, retry = 0;
  while (true) {
    if (p == pattern.size() && (n == name.size() || name[n] == '.') && p > 0) return true;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (n < name.size() && p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != kNone && retry < name.size()) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
}

}  // namespace arzoo
