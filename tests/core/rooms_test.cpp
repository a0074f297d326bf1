// The direction of the includes between the rooms of lib/, as docs/design.md draws it.

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <vector>

#include "support/test.h"

using namespace arzoo;
namespace fs = std::filesystem;

namespace {

using Rooms = std::set<std::string>;

/// The rooms that each may include besides itself. One that is not listed is a family: nothing here names it.
const std::map<std::string, Rooms>& shared_rooms() {
  static const std::map<std::string, Rooms> rooms{
      {"core", {}},
      {"io", {"core"}},
      {"arrow", {"core", "io"}},
      {"cad", {"core", "io"}},
      {"runtime", {"core", "io"}},
      {"kernels", {"core"}},
      {"cuda", {"core", "kernels", "runtime"}},
      {"nn", {"core", "kernels", "runtime"}},
      {"plan", {"core", "io", "registry", "runtime"}},
      {"tasks", {"core", "io", "kernels", "nn", "plan", "registry", "runtime"}},
  };
  return rooms;
}

bool may_include(const std::string& room, const std::string& other) {
  if (room == other) return true;
  if (room == "registry") return other != "tasks";
  if (room == "distill" && other == "image") return true;
  static const Rooms below_families{"core", "io", "kernels", "nn", "plan", "runtime"};
  const auto shared = shared_rooms().find(room);
  return (shared == shared_rooms().end() ? below_families : shared->second).contains(other);
}

/// "forecast" of `#include "forecast/zoo.h"`; empty for another line.
std::string included_room(const std::string& line) {
  constexpr std::string_view kBegin = "#include \"";
  if (!line.starts_with(kBegin)) return "";
  const auto slash = line.find('/', kBegin.size());
  return slash == std::string::npos ? "" : line.substr(kBegin.size(), slash - kBegin.size());
}

/// Headers and sources below a folder of lib/.
std::vector<fs::path> sources_in(const fs::path& room) {
  std::vector<fs::path> sources;
  for (const auto& entry : fs::recursive_directory_iterator(room)) {
    const auto extension = entry.path().extension();
    if (extension == ".h" || extension == ".cpp" || extension == ".cu") sources.push_back(entry.path());
  }
  return sources;
}

/// The #include lines of a file.
std::vector<std::string> includes_of(const fs::path& file) {
  std::vector<std::string> includes;
  std::istringstream source(test::read_file(file));
  for (std::string line; std::getline(source, line);) {
    if (line.starts_with("#include")) includes.push_back(line);
  }
  return includes;
}

/// "file: #include <torch/…>" of what a file of lib/ includes, directly or not.
void find_torch(const fs::path& file, std::set<fs::path>& seen, std::vector<std::string>& found) {
  if (!seen.insert(file).second) return;
  for (const auto& line : includes_of(file)) {
    if (line.starts_with("#include <torch/") || line.starts_with("#include <ATen/"))
      found.push_back(file.string() + ": " + line);
    if (included_room(line).empty()) continue;
    const auto begin = line.find('"') + 1;
    find_torch(test::source_dir() / "lib" / line.substr(begin, line.find('"', begin) - begin), seen, found);
  }
}

}  // namespace

TEST_CASE("a room includes only the rooms below it") {
  std::vector<std::string> wrong;
  for (const auto& room : fs::directory_iterator(test::source_dir() / "lib")) {
    if (!room.is_directory()) continue;
    const auto name = room.path().filename().string();
    for (const auto& source : sources_in(room.path())) {
      for (const auto& line : includes_of(source)) {
        const auto other = included_room(line);
        if (!other.empty() && !may_include(name, other)) wrong.push_back(source.string() + ": " + line);
      }
    }
  }
  std::sort(wrong.begin(), wrong.end());
  CHECK(wrong == std::vector<std::string>{});
}

TEST_CASE("what the launcher sees of the models is without torch") {
  std::set<fs::path> seen;
  std::vector<std::string> found;
  for (const char* source : {"plan/tasks.h", "plan/run_config.cpp", "registry/catalog.cpp"})
    find_torch(test::source_dir() / "lib" / source, seen, found);
  CHECK(found == std::vector<std::string>{});
  CHECK(seen.size() > 50);
}
