#include "cli/hostile_files.h"
#include "fuzz/commands/command_target.h"

namespace arzoo::fuzz {
namespace {

using test::repeated;
using namespace std::string_literals;

std::vector<std::string> logs() {
  std::string long_log, many_charts = R"({"step": 1)", names = R"({"step": 1)";
  for (int i = 1; i <= 2'000; ++i) long_log += fmt::format("{{\"step\": {}, \"loss\": {}}}\n", i, 1.0 / i);
  for (int i = 0; i < 3'000; ++i) many_charts += fmt::format(R"(,"g{}/x":1)", i);
  for (int i = 0; i < 2'000; ++i) names += fmt::format(R"(,"val/{}":{})", i, i);
  return {
      "{\"step\": 1, \"loss\": 0.5, \"val/mse\": 1e308}\n{\"step\": 2, \"loss\": -1e308, \"val/mse\": 0}\n",
      "{\"step\": 9007199254740993, \"loss\": 5e-324}\n{\"step\": -1, \"loss\": 1.797e308}\nnull\n[]\n{",
      long_log,
      many_charts + "}\n",
      names + "}\n",
      R"({"step": 1, "x": )" + repeated("[", 100'000) + "\n",
      repeated(R"({"a":)", 50'000) + "\n",
      repeated("{\"step\": 1, \"loss\": 1}\n", 3'000),
      repeated("\n", 200'000),
      R"({"step": 1, ")" + repeated("\xc3\xa9", 100'000) + "\": 1}\n",
      R"({"step": 1, ")" + repeated("<&\\\"", 50'000) + "/\xe2\x80\xae\": 1}\n"};
}

std::vector<std::string> configs_and_tables() {
  std::string columns = R"({"rows": [{)", rows = R"({"title": "t", "rows": [)";
  for (int i = 0; i < 2'000; ++i) columns += fmt::format(R"({}"c{}":{})", i == 0 ? "" : ",", i, i);
  for (int i = 0; i < 2'000; ++i) rows += fmt::format(R"({}{{"a":{},"b":"x"}})", i == 0 ? "" : ",", i);
  return {
      "\0"s + R"({"model": {"name": "var"}})",
      "\0"s + R"({"model": {"name": ")" + std::string(200'000, 'n') + "\"}}",
      "\0"s + R"({"model": )" + repeated(R"({"name":)", 60'000),
      "\0\0"s + columns + "}]}",
      "\0\0"s + rows + "]}",
      "\0\0"s + R"({"title": ")" + repeated("\xc3\xa9", 50'000) + R"(", "rows": [{}, {"a": [1, {}]}, 5]})",
      "\0\0"s + R"({"rows": )" + repeated("[", 100'000),
      "\0\0"s + R"({"rows": [)" + repeated("{},", 10'000) + "{}]}"};
}

}  // namespace

std::vector<std::string> made_seeds() {
  auto seeds = logs();
  const auto more = configs_and_tables();
  seeds.insert(seeds.end(), more.begin(), more.end());
  return seeds;
}

}  // namespace arzoo::fuzz
