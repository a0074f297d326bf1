#include "tasks/failure.h"

#include <c10/util/Exception.h>

#include <filesystem>
#include <new>

namespace arzoo::tasks {
namespace {

/// LibTorch appends its own stack.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

Failure current_failure() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.exit_code(), error.what()};
  } catch (const std::filesystem::filesystem_error& error) {
    return {error_of(error).exit_code(), error_of(error).what()};
  } catch (const c10::Error& error) {
    return {ExitCode::internal, "internal: LibTorch: " + first_line(error.what_without_backtrace())};
  } catch (const std::bad_alloc&) {
    return {ExitCode::internal, "out of memory (try a smaller batch size or horizon)"};
  } catch (const std::exception& error) {
    return {ExitCode::internal, std::string("internal: ") + error.what()};
  }
}

}  // namespace arzoo::tasks
