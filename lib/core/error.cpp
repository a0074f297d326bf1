#include "core/error.h"

#include <cstring>

namespace arzoo {

void fail_with(const std::filesystem::path& path, std::string_view action, int error) {
  fail<SystemFailure>("{}: {}: {}", path.string(), action, std::strerror(error));
}

}  // namespace arzoo
