#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace arzoo {

/// What the process answers to its caller (product contract: exit codes).
enum class ExitCode : int { ok = 0, internal = 1, usage = 2, data = 3, check_failed = 4, interrupted = 130 };

/// A failure that a user can act on: one line, "where: what is wrong, what was expected (hint)".
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode exit_code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

template <ExitCode kCode>
class ErrorOf : public Error {
 public:
  explicit ErrorOf(const std::string& message) : Error(kCode, message) {}
};

/// A wrong flag or argument.
struct UsageError : ErrorOf<ExitCode::usage> {
  using ErrorOf::ErrorOf;
};
/// A configuration that does not parse or asks for the impossible.
struct ConfigError : ErrorOf<ExitCode::usage> {
  using ErrorOf::ErrorOf;
};
/// A data file (CSV, image, mesh) that cannot be used as it is.
struct DataError : ErrorOf<ExitCode::data> {
  using ErrorOf::ErrorOf;
};
/// A weights file or run directory that is broken or does not fit the model.
struct CheckpointError : ErrorOf<ExitCode::data> {
  using ErrorOf::ErrorOf;
};
/// A parity or regression check that ran and did not pass.
struct CheckFailed : ErrorOf<ExitCode::check_failed> {
  using ErrorOf::ErrorOf;
};
/// Stopped by a signal after the state was saved.
struct Interrupted : ErrorOf<ExitCode::interrupted> {
  using ErrorOf::ErrorOf;
};
/// Disk full, device lost: the environment's fault.
struct SystemFailure : ErrorOf<ExitCode::internal> {
  using ErrorOf::ErrorOf;
};

/// Throws E with a formatted message: fail<DataError>("{}:{}: ...", file, line).
template <class E, class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw E(fmt::format(format, std::forward<Args>(args)...));
}

/// Throws for a failed system call on a path that the user named: "path: action: what errno says". UsageError
/// where another path would do (no such folder, a file in its place, permission denied, a read-only disk),
/// else SystemFailure (disk full, device lost).
[[noreturn]] void fail_with(const std::filesystem::path& path, std::string_view action, int error);

/// What a failed search of folders or a test of a file means to the user: exit code 3 where the path is the
/// reason, as for fail_with, else 1.
Error error_of(const std::filesystem::filesystem_error& error);

}  // namespace arzoo
