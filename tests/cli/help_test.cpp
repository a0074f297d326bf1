#include <regex>

#include "cli/program.h"

using namespace arzoo::test;

namespace {

/// Compares with tests/approved/NAME.txt; with ARZOO_APPROVE set the file is written instead.
void check_approved(const std::string& name, const std::string& text) {
  const auto file = source_dir() / "tests/approved" / (name + ".txt");
  if (std::getenv("ARZOO_APPROVE") != nullptr) std::ofstream(file, std::ios::binary) << text;
  CHECK(text == read_file(file));
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> result;
  for (std::string word; stream >> word;) result.push_back(word);
  return result;
}

}  // namespace

TEST_CASE("the help of each command is the approved one and shows an example") {
  const Program arzoo(Library::none);
  const std::string command = GENERATE(
      "train", "distill", "tune", "launch", "forecast", "generate-image", "generate-3d", "generate-text",
      "score", "embed-text", "transcribe", "links", "encode", "decode", "bench table", "bench speed",
      "bench parity", "bench regress", "bench report", "models", "inspect", "convert", "completion", "man");
  CAPTURE(command);
  const auto help = arzoo(words(command + " --help"));
  CHECK(help.code == 0);
  CHECK(help.err.empty());
  CHECK_THAT(help.out, ContainsSubstring("example:\n"));
  std::string name = "help_" + command;
  std::replace(name.begin(), name.end(), ' ', '_');
  check_approved(name, help.out);
}

TEST_CASE("the help of the program and of bench lists their commands") {
  const Program arzoo(Library::none);
  check_approved("help", arzoo({"--help"}).out);
  check_approved("help_bench", arzoo({"bench", "--help"}).out);
}

TEST_CASE("the manual page has every command, and groff has nothing to say against it") {
  const Program arzoo(Library::none);
  const auto ended = arzoo.call(
      "sh",
      {"-c", "../bin/arzoo man > page; ! command -v groff > /dev/null || groff -man -Tascii -ww -z page"});
  CHECK(ended.code == 0);
  CHECK(ended.err.empty());
  const auto page = read_file(arzoo.files() / "page");
  for (const auto* expected :
       {".TH ARZOO 1", ".SS bench regress", "\\fB\\-\\-baseline FILE.json\\fR", ".SH EXIT STATUS"})
    CHECK_THAT(page, ContainsSubstring(expected));
}

TEST_CASE("help fits a terminal of a hundred columns") {
  const Program arzoo(Library::none);
  const std::string command =
      GENERATE("train", "distill", "forecast", "generate-image", "generate-3d", "generate-text", "score",
               "embed-text", "links", "bench table", "models", "inspect", "convert");
  std::istringstream lines(arzoo(words(command + " --help")).out);
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(line.size() <= 100);
  }
}

TEST_CASE("help can be asked for in four ways") {
  const Program arzoo(Library::none);
  const auto asked = arzoo({"train", "--help"}).out;
  CHECK(arzoo({"train", "-h"}).out == asked);
  CHECK(arzoo({"help", "train"}).out == asked);
  CHECK(arzoo({"train", "config.json", "--help"}).out == asked);
  CHECK(arzoo({"help"}).out == arzoo({"--help"}).out);
}

TEST_CASE("the version names arzoo, LibTorch and CUDA without LibTorch being there") {
  const Program arzoo(Library::none);
  const auto version = arzoo({"--version"});
  CHECK(version.code == 0);
  const std::regex expected(R"(arzoo \d+\.\d+\.\d+\nLibTorch \d+\.\d+\.\d+\S*\nCUDA (none|\d+\.\d+)\n)");
  CAPTURE(version.out);
  CHECK(std::regex_match(version.out, expected));
}
