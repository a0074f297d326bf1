#include <fmt/format.h>

#include "cli/refusal.h"

using namespace arzoo;
using namespace arzoo::test;

namespace {

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

std::vector<nlohmann::json> replies(const std::string& out) {
  std::vector<nlohmann::json> all;
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) all.push_back(nlohmann::json::parse(line));
  return all;
}

}  // namespace

TEST_CASE("a stream answers every line, however hostile the one before it") {
  const TrainedProgram arzoo;
  const std::string good =
      R"({"id": "good", "ds": "2020-01-04 08:00:00", "values": [)" + repeated("[1, 2], ", 11) + "[1, 2]]}\n";
  constexpr std::size_t kTooLong = std::size_t{60} << 20;
  arzoo.write("lines", "{\"values\":\"x" + repeated("é", 100) + "\"}\n" + good +
                           R"({"id": "\u202e", "values": [], "a\u202e": 1})" + "\n" + repeated("[", 100000) +
                           "\n" + "{\"id\": \"\xFF\"}\n" + "{\"values\": [" + std::string(kTooLong, '1') +
                           "]}\n" + good);
  const auto ended = arzoo.call(
      "bash", {"-c", fmt::format("exec {} forecast --model run --stream --threads 1 < lines", ARZOO_BINARY)});
  INFO(ended.err);
  CHECK(ended.code == 0);
  const auto answers = replies(ended.out);
  REQUIRE(answers.size() == 7);
  const std::vector<std::string> errors{"stdin: /values: expected a list, got \"xéé",
                                        "",
                                        "unknown key",
                                        "nested deeper than 64 levels",
                                        "not valid JSON",
                                        "stdin: a line of more than 16777216 bytes (send fewer rows)",
                                        ""};
  for (std::size_t i = 0; i < errors.size(); ++i) {
    CAPTURE(i, answers[i].dump());
    if (errors[i].empty()) {
      CHECK(answers[i]["yhat"].size() == 4);
    } else {
      CHECK_THAT(answers[i]["error"].get<std::string>(), ContainsSubstring(errors[i]));
    }
  }
}

TEST_CASE("a --set of 60,000 levels is a usage error") {
  const Program arzoo(Library::none);
  arzoo.write("config.json", kConfig);
  check_refused(arzoo, {"train", "config.json", "--set", "a" + repeated(".a", 59999) + "=1"}, 2,
                "--set a.a.a.a…");
}

TEST_CASE("a name that would turn a message around is shown escaped") {
  const Program arzoo(Library::none);
  check_refused(arzoo, {"train", "a\u202Enosj.json"}, 2, "a\\u202enosj.json: cannot be…");
  std::string config = kTinyConfig;
  config.replace(config.find("seed"), 4, "se\u200bed");
  arzoo.write("config.json", config);
  check_refused(arzoo, {"train", "config.json"}, 2, "config.json: /se\\u200bed: unknown key…");
}
