#include "core/output_folder.h"

#include <set>

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

std::set<std::string> visible_names(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with(".")) names.insert(name);
  }
  return names;
}

std::size_t fill(const fs::path& folder, const std::vector<std::string>& names) {
  OutputFolder output(folder);
  for (const auto& name : names) output.write(name, "made: " + name);
  return output.finish([](std::string_view) { return true; });
}

}  // namespace

TEST_CASE("what an earlier run wrote and this one did not is removed, what a user made or changed stays") {
  const TempDir temp;
  const auto folder = temp / "out";
  fill(folder, {"a", "b", "c", "d"});
  temp.write("out/notes.txt", "mine");
  temp.write("out/c", "changed");
  CHECK(fill(folder, {"a", "e"}) == 2);
  CHECK(visible_names(folder) == std::set<std::string>{"a", "c", "e", "notes.txt"});
  CHECK(test::read_file(folder / "c") == "changed");
  // Once changed, a file is the user's for good.
  CHECK(fill(folder, {"f"}) == 2);
  CHECK(visible_names(folder) == std::set<std::string>{"c", "f", "notes.txt"});
}

TEST_CASE("a run that ended early is tidied up by the next") {
  const TempDir temp;
  const auto folder = temp / "out";
  fill(folder, {"a"});
  OutputFolder(folder).write("b", "half of it");
  CHECK(visible_names(folder) == std::set<std::string>{"a", "b"});
  fill(folder, {"c"});
  CHECK(visible_names(folder) == std::set<std::string>{"c"});
}

TEST_CASE("files that are not stale stay, and are known to later runs") {
  const TempDir temp;
  const auto folder = temp / "out";
  fill(folder, {"a", "b"});
  {
    OutputFolder output(folder);
    output.write("c", "more");
    CHECK(output.finish([](std::string_view name) { return name == "b"; }) == 1);
  }
  CHECK(visible_names(folder) == std::set<std::string>{"a", "c"});
  CHECK(fill(folder, {"d"}) == 2);
}

TEST_CASE("a forged record removes nothing outside of its folder, no link and no folder") {
  const TempDir temp;
  temp.write("precious", "made: precious");
  const auto line = [&](const std::string& name) { return "e3b0c442 14 " + name + "\n"; };
  const auto folder = temp / "out";
  fill(folder, {"precious"});
  auto record = test::read_file(folder / ".arzoo-files");
  const auto checksum = record.substr(0, record.find(' '));
  for (const std::string name : {"../precious", "..", ".", "sub", "link"})
    record += checksum + " 14 " + name + "\n";
  record += line("x") + "garbage\n" + checksum + " 14";
  temp.write("out/.arzoo-files", record);
  fs::create_directories(folder / "sub");
  fs::create_symlink(temp / "precious", folder / "link");
  CHECK(fill(folder, {"a"}) == 1);
  CHECK(test::read_file(temp / "precious") == "made: precious");
  CHECK(visible_names(folder) == std::set<std::string>{"a", "link", "sub"});
}

TEST_CASE("a folder that cannot be made is the user's mistake") {
  const TempDir temp;
  temp.write("file", "");
  CHECK_THROWS_AS(OutputFolder(temp / "file"), UsageError);
  CHECK_THROWS_AS(OutputFolder(temp / "file/deep"), UsageError);
  CHECK_THROWS_AS(make_folder(""), UsageError);
  fs::create_directories(temp / "out/.arzoo-files");
  CHECK_THROWS_AS(OutputFolder(temp / "out"), UsageError);
}
