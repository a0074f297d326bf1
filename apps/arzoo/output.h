#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "invocation.h"

/// What the program says: results on stdout, everything else on stderr.
namespace arzoo::cli {

/// How a result reads on a terminal, every line ended.
using Summary = std::function<std::string(const Json& result)>;

/// Prints a result: the document with --json, else its summary. Throws SystemFailure when stdout takes no
/// more.
void print_result(const Invocation& invocation, const Json& result, const Summary& summary);

/// Writes all of `text` to stdout. Throws SystemFailure.
void write_stdout(std::string_view text);

/// A JSON document as it is printed: indented, ended by a line break, text that is not UTF-8 replaced.
std::string json_text(const Json& document);

/// {"message", "exit_code"}, the "error" of a --json document.
Json error_json(ExitCode code, std::string_view message);

/// What `errno` means, as the end of a message: "no such file or directory".
std::string reason(int error);

/// "arzoo: message" on stderr, and with `json` the document {"error": …} on stdout.
void report_error(ExitCode code, std::string_view message, bool json) noexcept;

}  // namespace arzoo::cli
