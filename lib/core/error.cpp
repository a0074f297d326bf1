#include "core/error.h"

#include <cerrno>
#include <cstring>

namespace arzoo {
namespace {

/// Whether the path itself is the reason: another one would do.
bool is_about_path(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EEXIST:
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO:
    case ETXTBSY:
      return true;
    default:
      return false;
  }
}

}  // namespace

void fail_with(const std::filesystem::path& path, std::string_view action, int error) {
  const auto message = fmt::format("{}: {}: {}", path.string(), action, std::strerror(error));
  if (is_about_path(error)) throw UsageError(message);
  throw SystemFailure(message);
}

Error error_of(const std::filesystem::filesystem_error& error) {
  const int number = error.code().value();
  return {is_about_path(number) ? ExitCode::data : ExitCode::internal,
          fmt::format("{}: {}", error.path1().string(), std::strerror(number))};
}

}  // namespace arzoo
