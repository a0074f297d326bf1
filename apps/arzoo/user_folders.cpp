#include "user_folders.h"

#include <cstdlib>

namespace arzoo::cli {

namespace fs = std::filesystem;

fs::path user_cache_folder() {
  const auto absolute = [](const char* variable) {
    const char* value = std::getenv(variable);
    const fs::path path(value == nullptr ? "" : value);
    return path.is_absolute() ? path : fs::path();
  };
  if (const auto cache = absolute("XDG_CACHE_HOME"); !cache.empty()) return cache / "arzoo";
  const auto home = absolute("HOME");
  return home.empty() ? fs::path() : home / ".cache" / "arzoo";
}

}  // namespace arzoo::cli
