#include "cli/program.h"

using namespace arzoo::test;

namespace {

/// What bash offers for the last of the words.
std::string offered(const Program& arzoo, const std::string& words) {
  return arzoo
      .call("bash",
            {"-c", "eval \"$(../bin/arzoo completion bash)\"; COMP_WORDS=(" + words +
                       "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _arzoo; echo -n \"${COMPREPLY[*]}\""})
      .out;
}

}  // namespace

TEST_CASE("the bash script parses and needs no other") {
  const Program arzoo(Library::none);
  const auto ended = arzoo.call(
      "bash", {"--norc", "-c", "../bin/arzoo completion bash > script && bash -n script && . ./script"});
  CHECK(ended.code == 0);
  CHECK(ended.err.empty());
}

TEST_CASE("the zsh script parses where there is a zsh") {
  const Program arzoo(Library::none);
  const auto ended = arzoo.call(
      "sh", {"-c", "../bin/arzoo completion zsh > script; ! command -v zsh > /dev/null || zsh -n script"});
  CHECK(ended.code == 0);
  CHECK(ended.err.empty());
  CHECK_THAT(read_file(arzoo.files() / "script"), ContainsSubstring("#compdef arzoo\n"));
}

TEST_CASE("bash offers commands, options, choices, models and files of the right kind") {
  const Program arzoo(Library::none);
  arzoo.write("config.json", "");
  arzoo.write("series one.csv", "");
  arzoo.write("notes.txt", "");
  fs::create_directories(arzoo.files() / "runs");
  const auto [words, expected] = GENERATE(table<std::string, std::string>({
      {"arzoo ''", "train distill forecast generate-image bench models inspect convert completion man"},
      {"arzoo co", "convert completion"},
      {"arzoo bench ''", "table speed parity regress report"},
      {"arzoo bench table --d", "--device --dtype --dry-run"},
      {"arzoo train --device c", "cpu cuda"},
      {"arzoo train --device = c", "cpu cuda"},
      {"arzoo train --dtype =", "fp32 bf16 fp16"},
      {"arzoo train --set ''", ""},
      {"arzoo train ''", "runs config.json"},
      {"arzoo train config.json --out ''", "runs"},
      {"arzoo models it", "itransformer"},
      {"arzoo forecast --input a.csv s", "series one.csv"},
      {"arzoo completion ''", "bash zsh"},
  }));
  CAPTURE(words);
  CHECK(offered(arzoo, words) == expected);
}
