#include "cli/hostile_files.h"
#include "fuzz/commands/command_target.h"

namespace arzoo::fuzz {

std::vector<std::string> made_seeds() {
  using test::repeated;
  const auto request = [](const std::string& stamp, const std::string& more = "") {
    return R"({"ds": )" + stamp + R"(, "values": [)" + repeated("[1.5, -2e3],", 23) + "[0, 7]]" + more +
           "}\n";
  };
  std::string stamps = R"(["2020-01-01 00:00:00")";
  for (int hour = 1; hour < 24; ++hour) stamps += fmt::format(", \"2020-01-01 {:02}:00:00\"", hour);
  return {request("\"2020-01-04 08:00:00\""),
          request(stamps + "]"),
          request("\"2020-01-04T08:00:00+02:00\"", R"(, "id": 7, "horizon": 30)"),
          request("\"9999-12-31 23:00:00\""),
          request("\"0001-01-01 00:00:00\""),
          request("\"04/05/2020 08:00\""),
          request("\"13/05/2020 08:00\""),
          request("\"1577836800\""),
          request("\"2020-01-04 08:00:00\"", R"(, "id": {"a": [[[]], "\u202e"]})"),
          repeated(request("\"2020-01-04 08:00:00\""), 100),
          R"({"ds": "2020-01-04 08:00:00", "values": [)" + repeated("[1e308, -1e308],", 24) + "[0, 0]]}\n",
          R"({"ds": "2020-01-04 08:00:00", "values": [)" + repeated("[0,0],", 20'000) + "[0,0]]}\n",
          R"({"ds": "2020-01-04 08:00:00", "values": [)" + repeated("0,", 100'000) + "0]}\n",
          R"({"values": )" + repeated("[", 100'000) + "\n",
          R"({"values":"x)" + repeated("\xc3\xa9", 100) + "\"}\n",
          R"({"id": )" + repeated(R"({"a":)", 60'000) + "\n",
          R"({"id": [)" + repeated("0,", 100'000) + "0]}\n",
          R"({"id": ")" + std::string(200'000, 'x') + "\"}\n",
          "{" + repeated("\"values\": [],", 10'000) + "\"id\": 1}\n",
          repeated("\n", 100'000),
          repeated("{}\n", 5'000),
          std::string(300'000, 'x')};
}

}  // namespace arzoo::fuzz
