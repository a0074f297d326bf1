// The README and the pages below docs/ say what the program does: their commands run and print what is shown,
// the options that they name exist, and their links lead somewhere.

#include <atomic>
#include <future>
#include <set>

#include "cli/markdown.h"
#include "cli/program.h"

using namespace arzoo::test;

namespace {

std::vector<fs::path> pages() {
  std::vector<fs::path> files{source_dir() / "README.md", source_dir() / "data/README.md"};
  for (const auto& entry : fs::recursive_directory_iterator(source_dir() / "docs"))
    if (entry.path().extension() == ".md") files.push_back(entry.path());
  std::sort(files.begin() + 2, files.end());
  return files;
}

/// What a reader of the page has in the current folder: the checkout, without builds and runs.
void provide_checkout(const fs::path& folder) {
  for (const char* part : {"configs", "tests", "scripts", "docs", "README.md", "CMakePresets.json"})
    fs::create_symlink(source_dir() / part, folder / part);
  fs::create_directories(folder / "data");
  for (const auto& entry : fs::directory_iterator(source_dir() / "data"))
    fs::create_symlink(entry.path(), folder / "data" / entry.path().filename());
}

/// The run that getting_started.md trains, trained for a few steps, once for all pages.
fs::path quickstart_run() {
  static const Program program(Library::built);
  static const auto ended =
      program({"train", (source_dir() / "configs/forecast/itransformer_weather.json").string(), "--set",
               "training.max_steps=2", "--out", "run", "--threads", "1", "--quiet"});
  if (ended.code != 0) throw std::runtime_error(ended.err);
  return program.files() / "run";
}

void provide_quickstart_run(const fs::path& folder, const std::string& command) {
  const auto run = folder / "runs/quickstart";
  if (command.find("--model runs/quickstart") == std::string::npos || fs::exists(run)) return;
  fs::create_directories(run.parent_path());
  fs::copy(quickstart_run(), run, fs::copy_options::recursive);
}

/// Files and folders that a command names and that a reader is supposed to have are there, empty.
void provide_named_files(const fs::path& folder, const std::string& command) {
  const std::regex word(R"([^\s'"=,;]+)"),
      file(R"(.*\.(csv|tsv|jsonl|txt|png|jpg|pth|pt|ckpt|npz|npy|safetensors|obj|ply|glb|off|stl)|.*/)");
  std::string before;
  for (std::sregex_iterator it(command.begin(), command.end(), word), end; it != end; ++it) {
    const auto name = it->str();
    const bool is_folder = before == "--model" || before == "--drafter" || name == "runs",
               is_config = before == "--config";
    if (name[0] != '/' && (is_folder || is_config || std::regex_match(name, file)) &&
        !fs::exists(folder / name)) {
      const bool as_file = !name.ends_with('/') && fs::path(name).has_extension();
      fs::create_directories(as_file ? (folder / name).parent_path() : folder / name);
      if (as_file) std::ofstream(folder / name).close();
    }
    before = name;
  }
}

/// A command of a block in mode "short" trains for two steps.
std::string shortened(const std::string& command) {
  static const std::regex training(R"(arzoo (train|distill) [^#&|;]*[^#&|; ])");
  return std::regex_replace(command, training, "$& --set training.max_steps=2");
}

/// One thread per command: several would wait for each other on a busy machine.
Ended in_shell(const Program& program, const std::string& command) {
  return program.call(
      "sh", {"-c", "export OMP_NUM_THREADS=1 PATH=\"" + program.bin().string() + ":$PATH\"; " + command});
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool shows_output(const CommandBlock& block, const DocumentedCommand& command, const Ended& ended) {
  auto shown = command.output;
  auto lines = lines_of(block.mode == "fails" ? ended.out + ended.err : ended.out);
  if (block.mode != "exact") {
    for (auto& line : shown) line = masked(line);
    for (auto& line : lines) line = masked(line);
  }
  return shown.empty() || output_matches(shown, lines);
}

/// Runs the commands of a page, one after the other in one folder; returns what went wrong.
std::vector<std::string> failures_of(const fs::path& page) {
  const Program arzoo(Library::built);
  provide_checkout(arzoo.files());
  std::vector<std::string> failures;
  for (const auto& block : command_blocks(page)) {
    if (block.mode == "parse" || block.mode == "elsewhere") continue;
    const int expected = block.mode == "fails" ? std::stoi(block.argument) : 0;
    for (const auto& command : block.commands) {
      provide_quickstart_run(arzoo.files(), command.text);
      const auto ended = in_shell(arzoo, block.mode == "short" ? shortened(command.text) : command.text);
      if (ended.code != expected || !shows_output(block, command, ended))
        failures.push_back(command.where + ": " + command.text + "\nexit code " + std::to_string(ended.code) +
                           ", printed:\n" + ended.out + ended.err);
    }
  }
  return failures;
}

/// A command that is not arzoo's: the shell understands it, and a script that it names exists and knows the
/// options that it is given.
void check_shell_command(const Program& shell, const std::string& command) {
  CHECK(shell.call("sh", {"-n", "-c", command}).code == 0);
  static const std::regex script(R"((scripts/[\w./]+)([^#&|;]*))"), option(R"(--[a-z-]+)");
  for (std::sregex_iterator it(command.begin(), command.end(), script), end; it != end; ++it) {
    const auto file = source_dir() / (*it)[1].str();
    REQUIRE(fs::exists(file));
    const auto arguments = (*it)[2].str();
    for (std::sregex_iterator word(arguments.begin(), arguments.end(), option); word != end; ++word)
      CHECK_THAT(read_file(file) + read_file(source_dir() / "scripts/setup.sh") +
                     read_file(source_dir() / "scripts/soak/__main__.py"),
                 ContainsSubstring(word->str()));
  }
  static const std::regex preset(R"(--preset (\w+))");
  std::smatch match;
  if (std::regex_search(command, match, preset))
    CHECK_THAT(read_file(source_dir() / "CMakePresets.json"),
               ContainsSubstring("\"name\": \"" + match[1].str() + "\""));
}

void check_command_lines(const CommandBlock& block) {
  CHECK_FALSE(block.argument.empty());
  for (const auto& command : block.commands) {
    INFO(command.where << ": " << command.text);
    const Program arzoo(Library::stub);
    if (!command.text.starts_with("arzoo ")) {
      check_shell_command(arzoo, command.text);
      continue;
    }
    provide_checkout(arzoo.files());
    provide_named_files(arzoo.files(), command.text);
    const auto ended = in_shell(arzoo, command.text);
    INFO(ended.err);
    CHECK(ended.code == 0);
  }
}

/// The options in the help of all commands.
const std::set<std::string>& all_options() {
  static const std::set<std::string> options = [] {
    static const std::regex option(R"(--[a-z][a-z0-9-]+)");
    std::set<std::string> all;
    for (const auto& entry : fs::directory_iterator(source_dir() / "tests/approved")) {
      if (!entry.path().filename().string().starts_with("help")) continue;
      const auto text = read_file(entry.path());
      for (std::sregex_iterator it(text.begin(), text.end(), option), end; it != end; ++it)
        all.insert(it->str());
    }
    return all;
  }();
  return options;
}

/// GitHub's name of a heading, for links into a page.
std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || byte >= 0x80)
      anchor += static_cast<char>(std::tolower(byte));
    else if (c == ' ')
      anchor += '-';
  }
  return anchor;
}

std::set<std::string> anchors_in(const fs::path& page) {
  static const std::regex heading("#+ (.*)");
  std::set<std::string> anchors;
  for (const auto& line : lines_of(prose_of(page))) {
    std::smatch match;
    if (std::regex_match(line, match, heading)) anchors.insert(anchor_of(match[1]));
  }
  return anchors;
}

}  // namespace

TEST_CASE("the commands of the documents run and print what is shown") {
  const auto all = pages();
  std::atomic<std::size_t> next{0};
  const auto run_pages = [&] {
    std::vector<std::string> failures;
    for (auto i = next++; i < all.size(); i = next++) {
      for (auto& failure : failures_of(all[i])) failures.push_back(std::move(failure));
    }
    return failures;
  };
  auto other = std::async(std::launch::async, run_pages);
  auto failures = run_pages();
  for (auto& failure : other.get()) failures.push_back(std::move(failure));
  for (const auto& failure : failures) FAIL_CHECK(failure);
  CHECK(failures.empty());
}

TEST_CASE("the commands of the documents that take too long for a test are valid") {
  for (const auto& page : pages()) {
    for (const auto& block : command_blocks(page)) {
      INFO(page << ", " << block.mode << ": " << block.argument);
      CHECK(
          std::set<std::string>{"run", "exact", "short", "fails", "parse", "elsewhere"}.contains(block.mode));
      if (block.mode == "parse") check_command_lines(block);
      if (block.mode == "elsewhere") CHECK(fs::exists(source_dir() / block.argument));
    }
  }
}

TEST_CASE("no command of the documents stands outside of a block that is tested") {
  static const std::regex indented(R"(( {4,}|\t)(\$ )?(arzoo|scripts/|build/release/arzoo).*)");
  for (const auto& page : pages()) {
    for (const auto& line : lines_of(prose_of(page))) {
      INFO(page << ": " << line);
      CHECK_FALSE(std::regex_match(line, indented));
    }
  }
}

TEST_CASE("options that the documents name exist") {
  static const std::regex code("`([^`]+)`"), option(R"((?:^|\s)(--[a-z][a-z0-9-]+))");
  // Of the scripts and of other programs.
  const std::set<std::string> others{"--arrow", "--cad",   "--cuda", "--pages",  "--fuzz",     "--tidy",
                                     "--gcc",   "--list",  "--from", "--preset", "--prefix",   "--install",
                                     "--build", "--count", "--seed", "--binary", "--tolerance"};
  for (const auto& page : pages()) {
    const auto prose = prose_of(page);
    for (std::sregex_iterator span(prose.begin(), prose.end(), code), end; span != end; ++span) {
      const auto text = (*span)[1].str();
      for (std::sregex_iterator it(text.begin(), text.end(), option); it != end; ++it) {
        INFO(page << ": " << text);
        const auto name = (*it)[1].str();
        CHECK((others.contains(name) || all_options().contains(name)));
      }
    }
  }
}

TEST_CASE("links between the documents lead somewhere") {
  static const std::regex link(R"re(\]\(([^)#\s]*)(?:#([^)\s]+))?\)|src="([^"]+)")re");
  for (const auto& page : pages()) {
    const auto prose = prose_of(page);
    for (std::sregex_iterator it(prose.begin(), prose.end(), link), end; it != end; ++it) {
      const auto target = (*it)[1].str() + (*it)[3].str(), anchor = (*it)[2].str();
      INFO(page << ": " << it->str());
      if (target.starts_with("http")) continue;
      const auto file = target.empty() ? page : page.parent_path() / target;
      CHECK(fs::exists(file));
      if (!anchor.empty()) CHECK(anchors_in(file).contains(anchor));
    }
  }
}
