#include "core/standard_streams.h"

#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <string>
#include <system_error>

#include "core/error.h"

namespace arzoo {

int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

void write_standard_output(std::string_view text) {
  const int error = write_all(STDOUT_FILENO, text);
  if (error == 0) return;
  auto why = std::generic_category().message(error);
  if (!why.empty()) why[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(why[0])));
  fail<SystemFailure>("stdout: {}", why);
}

}  // namespace arzoo
