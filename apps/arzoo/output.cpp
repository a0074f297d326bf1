#include "output.h"

#include <unistd.h>

#include <cctype>
#include <system_error>

#include "core/display_text.h"
#include "core/standard_streams.h"

namespace arzoo::cli {
void print_result(const Invocation& invocation, const Json& result, const Summary& summary) {
  write_stdout(invocation.json ? json_text(result) : summary(result));
}

void write_stdout(std::string_view text) { write_standard_output(text); }

std::string json_text(const Json& document) { return dump_json(document, 2) + '\n'; }

Json error_json(ExitCode code, std::string_view message) {
  return {{"message", message}, {"exit_code", static_cast<int>(code)}};
}

std::string reason(int error) {
  auto text = std::generic_category().message(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

void report_error(ExitCode code, std::string_view message, bool json) noexcept {
  try {
    // A file's own words may be of any length.
    constexpr std::size_t kLongest = 2000;
    // Nothing can be done about a stream that is closed: the exit code still tells.
    write_all(STDERR_FILENO, fmt::format("arzoo: {}\n", shortened(one_line(message), kLongest)));
    if (json) write_all(STDOUT_FILENO, json_text({{"error", error_json(code, message)}}));
  } catch (const std::exception&) {
    write_all(STDERR_FILENO, "arzoo: internal: out of memory\n");
  }
}

}  // namespace arzoo::cli
