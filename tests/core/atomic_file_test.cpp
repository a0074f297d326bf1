#include "core/atomic_file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "core/error.h"
#include "support/file_size_limit.h"
#include "support/test.h"

using namespace arzoo;
using test::FileSizeLimit;

namespace {

std::size_t files_in(const test::TempDir& dir) {
  return static_cast<std::size_t>(std::distance(test::fs::directory_iterator(dir.path()), {}));
}

}  // namespace

TEST_CASE("bytes arrive whole, in a new file and over an old one") {
  const test::TempDir dir;
  const auto bytes = GENERATE(as<std::string>{}, "", "small", std::string(300'000, 'x') + "end");
  const auto old = GENERATE(true, false);
  const auto path = old ? dir.write("a.csv", "old") : dir / "a.csv";
  write_atomically(path, bytes);
  CHECK(test::read_file(path) == bytes);
  CHECK(files_in(dir) == 1);
}

TEST_CASE("streamed pieces are joined in order") {
  const test::TempDir dir;
  AtomicFile file(dir / "a.csv");
  std::string expected;
  for (int i = 0; i < 50'000; ++i) {
    const std::string piece = std::to_string(i) + ",";
    file.append(piece);
    expected += piece;
  }
  CHECK_FALSE(test::fs::exists(dir / "a.csv"));
  file.commit();
  CHECK(test::read_file(dir / "a.csv") == expected);
}

TEST_CASE("without commit the old file stays and no temporary is left") {
  const test::TempDir dir;
  const auto path = dir.write("a.csv", "old");
  { AtomicFile(path).append("new"); }
  CHECK(test::read_file(path) == "old");
  CHECK(files_in(dir) == 1);
}

TEST_CASE("a full disk keeps the old file, leaves no temporary and is named") {
  const test::TempDir dir;
  const auto path = dir.write("a.csv", "old");
  {
    const FileSizeLimit limit(4096);
    CHECK_THROWS_AS(write_atomically(path, std::string(100'000, 'x')), SystemFailure);
    CHECK_THROWS_WITH(write_atomically(path, std::string(5'000, 'x')),
                      ContainsSubstring("a.csv: cannot be written: File too large"));
  }
  CHECK(test::read_file(path) == "old");
  CHECK(files_in(dir) == 1);
}

TEST_CASE("a folder that is not there or not a folder is named with the reason") {
  const test::TempDir dir;
  dir.write("file", "");
  CHECK_THROWS_WITH(AtomicFile(dir / "absent/a.csv"),
                    ContainsSubstring("absent/a.csv: cannot be written: No such file or directory"));
  CHECK_THROWS_WITH(AtomicFile(dir / "file/a.csv"), ContainsSubstring("Not a directory"));
}

TEST_CASE("a folder without write permission is named with the reason") {
  if (::geteuid() == 0) return;  // permissions do not bind the superuser
  const test::TempDir dir;
  ::chmod(dir.path().c_str(), 0500);
  CHECK_THROWS_WITH(AtomicFile(dir / "a.csv"),
                    ContainsSubstring("a.csv: cannot be written: Permission denied"));
  ::chmod(dir.path().c_str(), 0700);
}

TEST_CASE("folders, pipes and devices are refused instead of replaced") {
  const test::TempDir dir;
  ::mkfifo((dir / "pipe").c_str(), 0600);
  for (const auto& path : {dir.path(), dir / "pipe", test::fs::path("/dev/null")})
    CHECK_THROWS_WITH(AtomicFile(path), ContainsSubstring("is not a regular file"));
}

TEST_CASE("a rename that fails leaves no temporary") {
  const test::TempDir dir;
  {
    AtomicFile file(dir / "a.csv");
    file.append("new");
    test::fs::create_directories(dir / "a.csv");
    CHECK_THROWS_WITH(file.commit(), ContainsSubstring("a.csv: cannot be renamed into place"));
    CHECK(files_in(dir) == 2);
  }
  CHECK(files_in(dir) == 1);
}

TEST_CASE("an old file's permissions are kept and a link to it is followed") {
  const test::TempDir dir;
  const auto real = dir.write("real.csv", "old");
  ::chmod(real.c_str(), 0640);
  test::fs::create_symlink("real.csv", dir / "link.csv");
  write_atomically(dir / "link.csv", "new");
  CHECK(test::fs::is_symlink(dir / "link.csv"));
  CHECK(test::read_file(real) == "new");
  struct stat status {};
  REQUIRE(::stat(real.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0640);
}
