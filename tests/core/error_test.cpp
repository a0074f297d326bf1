#include "core/error.h"

#include <cerrno>

#include "support/test.h"

using namespace arzoo;

namespace {

namespace fs = std::filesystem;

ExitCode code_of(int error) {
  try {
    fail_with("out/a.csv", "cannot be written", error);
  } catch (const Error& thrown) {
    CHECK_THAT(thrown.what(), ContainsSubstring("out/a.csv: cannot be written: "));
    return thrown.exit_code();
  }
}

}  // namespace

TEST_CASE("a path that cannot be used is the user's mistake, a failing disk is not") {
  for (const int error : {ENOENT, ENOTDIR, EISDIR, EACCES, EPERM, EROFS, ELOOP, ENAMETOOLONG}) {
    CAPTURE(error);
    CHECK(code_of(error) == ExitCode::usage);
  }
  for (const int error : {ENOSPC, EIO, EDQUOT, EFBIG, EMFILE, ENOMEM}) {
    CAPTURE(error);
    CHECK(code_of(error) == ExitCode::internal);
  }
}

TEST_CASE("a search of folders that fails is bad input where the path is the reason") {
  const auto code = [](int error) {
    return error_of(
        fs::filesystem_error("search", "deep/folder", std::error_code(error, std::generic_category())));
  };
  CHECK(code(EACCES).exit_code() == ExitCode::data);
  CHECK(code(EACCES).what() == std::string("deep/folder: Permission denied"));
  CHECK(code(EIO).exit_code() == ExitCode::internal);
}
