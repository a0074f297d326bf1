#include <set>
#include <sstream>

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

namespace {

bool has_fish(const Program& arzoo) { return arzoo.call("sh", {"-c", "command -v fish"}).code == 0; }

/// What fish offers for the unfinished line, without the descriptions.
std::set<std::string> fish_offers(const Program& arzoo, const std::string& line) {
  const auto ended = arzoo.call("fish", {"--no-config", "-c", "source script; complete -C \"" + line + "\""});
  INFO(ended.err);
  CHECK(ended.err.empty());
  std::set<std::string> words;
  std::istringstream text(ended.out);
  for (std::string offered; std::getline(text, offered);) words.insert(offered.substr(0, offered.find('\t')));
  return words;
}

}  // namespace

TEST_CASE("the fish script closes its blocks and quotes, and names every command and option") {
  const Program arzoo(Library::none);
  const auto script = arzoo({"completion", "fish"}).out;
  std::istringstream lines(script);
  int open = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto word = line.substr(std::min(line.find_first_not_of(' '), line.size()));
    for (const char* opening : {"function ", "for ", "switch "}) open += word.starts_with(opening) ? 1 : 0;
    open -= word == "end" ? 1 : 0;
    if (!line.starts_with("complete ")) continue;
    CAPTURE(line);
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\\')
        ++i;
      else if (line[i] == '\'')
        quoted = !quoted;
    }
    CHECK_FALSE(quoted);
  }
  CHECK(open == 0);
  for (const char* command : {"train", "distill", "tune", "forecast", "generate-image", "generate-3d",
                              "generate-text", "score", "embed-text", "transcribe", "links", "encode",
                              "decode", "models", "inspect", "convert", "bench table"}) {
    CAPTURE(command);
    CHECK_THAT(script,
               ContainsSubstring("case '" + std::string(command).insert(0, command[0] == 'b' ? "" : " ")));
    CHECK_THAT(script, ContainsSubstring("-n '__arzoo_is " + std::string(command) + "' -l device -x"));
  }
}

TEST_CASE("fish offers what bash offers where there is a fish") {
  const Program arzoo(Library::none);
  if (!has_fish(arzoo)) {
    WARN("fish is not installed: its script is checked by its structure alone");
    return;
  }
  arzoo.write("config.json", "");
  arzoo.write("series.csv", "");
  fs::create_directories(arzoo.files() / "runs");
  const auto made =
      arzoo.call("sh", {"-c", "../bin/arzoo completion fish > script && fish --no-execute script"});
  CHECK(made.code == 0);
  CHECK(made.err.empty());
  using Words = std::set<std::string>;
  CHECK(fish_offers(arzoo, "arzoo co") == Words{"completion", "convert"});
  CHECK(fish_offers(arzoo, "arzoo bench ") == Words{"parity", "regress", "report", "speed", "table"});
  CHECK(fish_offers(arzoo, "arzoo train --device c") == Words{"cpu", "cuda"});
  CHECK(fish_offers(arzoo, "arzoo train --dtype=") ==
        Words{"--dtype=auto", "--dtype=bf16", "--dtype=fp16", "--dtype=fp32"});
  CHECK(fish_offers(arzoo, "arzoo bench table --dr") == Words{"--dry-run"});
  CHECK(fish_offers(arzoo, "arzoo train c") == Words{"config.json"});
  CHECK(fish_offers(arzoo, "arzoo train --out ru") == Words{"runs/"});
  CHECK(fish_offers(arzoo, "arzoo train --set ").empty());
  CHECK(fish_offers(arzoo, "arzoo models itr") == Words{"itransformer"});
  CHECK(fish_offers(arzoo, "arzoo forecast --input a.csv s") == Words{"script", "series.csv"});
  CHECK(fish_offers(arzoo, "arzoo completion ") == Words{"bash", "fish", "zsh"});
}

TEST_CASE("bash offers commands, options, choices, models and files of the right kind") {
  const Program arzoo(Library::none);
  arzoo.write("config.json", "");
  arzoo.write("series one.csv", "");
  arzoo.write("notes.txt", "");
  arzoo.write("part.ply", "");
  fs::create_directories(arzoo.files() / "runs");
  const auto [words, expected] = GENERATE(table<std::string, std::string>({
      {"arzoo ''",
       "train distill tune forecast generate-image generate-3d generate-text score embed-text transcribe "
       "links encode decode "
       "bench models "
       "inspect convert launch completion man"},
      {"arzoo co", "convert completion"},
      {"arzoo bench ''", "table speed parity regress report"},
      {"arzoo bench table --d", "--device --dtype --dry-run"},
      {"arzoo train --device c", "cpu cuda"},
      {"arzoo train --device = c", "cpu cuda"},
      {"arzoo train --dtype =", "fp32 bf16 fp16 auto"},
      {"arzoo train --set ''", ""},
      {"arzoo train ''", "runs config.json"},
      {"arzoo train config.json --out ''", "runs"},
      {"arzoo models it", "itransformer"},
      {"arzoo forecast --input a.csv s", "series one.csv"},
      {"arzoo completion ''", "bash zsh fish"},
      {"arzoo generate-3d --format ''", "obj ply stl off glb step"},
      {"arzoo generate-3d --points ''", "runs part.ply"},
  }));
  CAPTURE(words);
  CHECK(offered(arzoo, words) == expected);
}
