#include "core/input_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/text_file.h"
#include "support/test.h"

using namespace arzoo;

TEST_CASE("only regular files are opened, everything else is refused without waiting") {
  const test::TempDir dir;
  CHECK(InputFile::open<DataError>(dir.write("a", "12345")).size() == 5);
  ::mkfifo((dir / "pipe").c_str(), 0600);
  std::filesystem::create_symlink("loop", dir / "loop");
  const auto refused = [](const std::filesystem::path& path, const char* why) {
    CAPTURE(path);
    CHECK_THROWS_WITH(InputFile::open<CheckpointError>(path), ContainsSubstring(why));
    CHECK_THROWS_AS(InputFile::open<CheckpointError>(path), CheckpointError);
    CHECK_THROWS_WITH(read_text_file(path), ContainsSubstring(why));
  };
  refused(dir / "pipe", "pipe: is not a regular file (a named pipe)");
  refused("/dev/zero", "/dev/zero: is not a regular file (a device or a socket)");
  refused(dir.path(), "is a folder, expected a file");
  refused(dir / "loop", "loop: cannot be opened: Too many levels of symbolic links");
  refused(dir / "absent", "absent: cannot be opened: No such file or directory");
}

TEST_CASE("a pipe that a shell made is read to its end where pipes are allowed") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  REQUIRE(::write(ends[1], "a\n1\n", 4) == 4);
  ::close(ends[1]);
  const auto path = "/dev/fd/" + std::to_string(ends[0]);
  CHECK_THROWS_WITH(InputFile::open<DataError>(path), ContainsSubstring("is not a regular file"));
  CHECK(read_text_file(path) == "a\n1\n");
  ::close(ends[0]);
}
