#include "core/replace_folder.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <random>

#if defined(__x86_64__)
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#endif

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;
using arzoo::test::read_file;
using arzoo::test::TempDir;
namespace fs = std::filesystem;

namespace {

constexpr int kFiles = 8;

/// A folder whose files all say `version`.
void write_version(const fs::path& folder, int version) {
  fs::create_directories(folder / "deep");
  for (int i = 0; i < kFiles; ++i) {
    std::ofstream(folder / (i % 2 == 0 ? "" : "deep") / std::to_string(i)) << version;
  }
}

/// The one version that all files of a whole folder have; empty when it is not whole.
std::string version_of(const fs::path& folder) {
  const std::string version = read_file(folder / "0");
  for (int i = 0; i < kFiles; ++i) {
    if (read_file(folder / (i % 2 == 0 ? "" : "deep") / std::to_string(i)) != version) return "";
  }
  return version;
}

std::size_t entries_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a folder is made, then replaced, and nothing else is left", "[replace_folder_test]") {
  const TempDir temp;
  const fs::path target = temp / GENERATE("last", "last/");
  for (const int version : {1, 2}) {
    replace_folder(target, [&](const fs::path& folder) { write_version(folder, version); });
    CHECK(version_of(target) == std::to_string(version));
    CHECK(entries_in(temp.path()) == 1);
  }
}

TEST_CASE("an exception in the middle leaves the old folder, and passes through", "[replace_folder_test]") {
  const TempDir temp;
  replace_folder(temp / "last", [](const fs::path& folder) { write_version(folder, 1); });
  CHECK_THROWS_AS(replace_folder(temp / "last",
                                 [](const fs::path& folder) {
                                   std::ofstream(folder / "0") << 2;
                                   throw std::range_error("nan");
                                 }),
                  std::range_error);
  CHECK(version_of(temp / "last") == "1");
  CHECK(entries_in(temp.path()) == 1);
}

TEST_CASE("a parent that takes no folder is a system failure that names the target",
          "[replace_folder_test]") {
  const TempDir temp;
  temp.write("file", "");
  CHECK_THROWS_AS(replace_folder(temp / "file/last", [](const fs::path&) {}), UsageError);
  CHECK_THROWS_WITH(replace_folder(temp / "none/last", [](const fs::path&) {}),
                    ContainsSubstring("none/last: cannot be written"));
}

TEST_CASE("killed at any moment, the folder is whole", "[replace_folder_test]") {
  const TempDir temp;
  const fs::path target = temp / "last";
  replace_folder(target, [](const fs::path& folder) { write_version(folder, 0); });
  std::mt19937 random(1);
  for (int round = 0; round < 25; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (int version = 1;; ++version)
        replace_folder(target, [&](const fs::path& folder) { write_version(folder, version); });
    }
    ::usleep(std::uniform_int_distribution<useconds_t>(500, 12000)(random));
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    CHECK_FALSE(version_of(target).empty());
  }
  recover_folders(temp.path());
  CHECK(entries_in(temp.path()) == 1);
}

TEST_CASE("a folder caught between two renames is given back", "[replace_folder_test]") {
  const TempDir temp;
  write_version(temp / ".arzoo-last.old", 1);
  write_version(temp / ".arzoo-77-0.tmp", 2);
  recover_folders(temp.path());
  CHECK(version_of(temp / "last") == "1");
  CHECK(entries_in(temp.path()) == 1);
}

TEST_CASE("an old folder that was only to be removed does not come back", "[replace_folder_test]") {
  const TempDir temp;
  write_version(temp / "last", 2);
  write_version(temp / ".arzoo-last.old", 1);
  recover_folders(temp.path());
  CHECK(version_of(temp / "last") == "2");
  CHECK(entries_in(temp.path()) == 1);
}

#if defined(__x86_64__)
TEST_CASE("without an exchange of names two renames do", "[replace_folder_test]") {
  const TempDir temp;
  const fs::path target = temp / "last";
  replace_folder(target, [](const fs::path& folder) { write_version(folder, 1); });
  const pid_t child = ::fork();
  if (child == 0) {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{sizeof(program) / sizeof(program[0]), program};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(9);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) ::_exit(9);
    replace_folder(target, [](const fs::path& folder) { write_version(folder, 2); });
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 9) return;  // a sandbox that takes no filter
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(version_of(target) == "2");
  CHECK(entries_in(temp.path()) == 1);
}
#endif
