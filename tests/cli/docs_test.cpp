// Every command line in the documents is one that the program takes: each is run, with tasks that answer at
// once.

#include <regex>

#include "cli/program.h"

using namespace arzoo::test;

namespace {

/// A command as a document has it.
struct Documented {
  std::string where, command;
};

/// The arzoo commands in the code of a Markdown file: lines indented by four spaces or between fences, with
/// or without a prompt, gone on after a backslash.
std::vector<Documented> commands_in(const fs::path& file) {
  std::vector<Documented> found;
  std::istringstream text(read_file(file));
  bool fenced = false, goes_on = false;
  int number = 0;
  for (std::string line; std::getline(text, line);) {
    ++number;
    if (line.starts_with("```")) fenced = !fenced;
    if (!goes_on && !fenced && !line.starts_with("    ")) continue;
    std::smatch match;
    if (goes_on) {
      found.back().command += line;
    } else if (std::regex_match(line, match, std::regex(R"(\s*(?:\$ )?(arzoo .*))"))) {
      found.push_back({file.filename().string() + ":" + std::to_string(number), match[1]});
    } else {
      continue;
    }
    auto& command = found.back().command;
    goes_on = command.ends_with('\\');
    if (goes_on) command.pop_back();
  }
  return found;
}

std::vector<Documented> all_commands() {
  std::vector<fs::path> files{source_dir() / "README.md", source_dir() / "data/README.md"};
  for (const auto& entry : fs::recursive_directory_iterator(source_dir() / "docs"))
    if (entry.path().extension() == ".md") files.push_back(entry.path());
  std::vector<Documented> all;
  for (const auto& file : files) {
    const auto own = commands_in(file);
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

/// Files and folders that a command names and that a reader is supposed to have are there, empty.
void provide(const fs::path& folder, const std::string& command) {
  const std::regex word(R"([^\s'"=,;]+)"),
      file(R"(.*\.(csv|jsonl|png|jpg|pth|pt|ckpt|npz|npy|safetensors|obj|ply|glb|off|stl)|.*/)");
  std::string before;
  for (std::sregex_iterator it(command.begin(), command.end(), word), end; it != end; ++it) {
    const auto name = it->str();
    const bool is_folder = before == "--model" || name == "runs", is_config = before == "--config";
    if (name[0] != '/' && (is_folder || is_config || std::regex_match(name, file)) &&
        !fs::exists(folder / name)) {
      const bool as_file = !name.ends_with('/') && fs::path(name).has_extension();
      fs::create_directories(as_file ? (folder / name).parent_path() : folder / name);
      if (as_file) std::ofstream(folder / name).close();
    }
    before = name;
  }
}

}  // namespace

TEST_CASE("every command in the documents runs") {
  const auto commands = all_commands();
  REQUIRE(commands.size() > 30);
  for (const auto& [where, command] : commands) {
    const Program arzoo(Library::stub);
    for (const char* part : {"configs", "tests"})
      fs::create_symlink(source_dir() / part, arzoo.files() / part);
    fs::create_directories(arzoo.files() / "data");
    for (const auto& entry : fs::directory_iterator(source_dir() / "data"))
      fs::create_symlink(entry.path(), arzoo.files() / "data" / entry.path().filename());
    provide(arzoo.files(), command);
    const auto ended = arzoo.call("sh", {"-c", "PATH=\"" + arzoo.bin().string() + ":$PATH\"; " + command});
    INFO(where << ": " << command << "\n" << ended.err);
    CHECK(ended.code == 0);
  }
}

TEST_CASE("the README's depth schedule fits the model that comes with it") {
  std::smatch match;
  const auto readme = read_file(source_dir() / "README.md");
  REQUIRE(std::regex_search(readme, match, std::regex(R"(--depth-schedule ([0-9x,]+))")));
  const Program arzoo(Library::built);
  const auto ended = arzoo({"generate-image", "--model", (source_dir() / "data/fashion").string(),
                            "--depth-schedule", match[1], "--output", "out", "--dry-run", "--json"});
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  CHECK(ended.json()["plan"]["settings"]["depth_schedule"].size() == 4);
}
