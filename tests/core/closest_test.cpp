#include "core/closest.h"

#include "support/processor_time.h"
#include "support/test.h"

using arzoo::closest;

TEST_CASE("a misspelt name finds the one that was meant") {
  const auto [word, meant] = GENERATE(table<std::string, std::string>({
      {"d_modle", "d_model"},   // neighbours swapped
      {"d_mode", "d_model"},    // a letter lost
      {"dd_model", "d_model"},  // a letter too many
      {"seq_lem", "seq_len"},   // a letter replaced
      {"D_MODEL", "d_model"},   // letter case only
      {"x", "X"},
  }));
  CHECK(closest(word, {"seq_len", "d_model", "X", "dropout"}) == meant);
}

TEST_CASE("a name that is like none of the known ones finds nothing") {
  const auto word = GENERATE(as<std::string>{}, "", "z", "batch", "wholly_different");
  CHECK_FALSE(closest(word, {"seq_len", "d_model", "x", "dropout"}));
}

TEST_CASE("of two near names the nearer one is found, of equally near ones the first") {
  CHECK(closest("temp_mx", {"temp_min", "temp_max"}) == "temp_max");
  CHECK(closest("colb", {"cola", "colc"}) == "cola");
}

TEST_CASE("a million long names are searched in bounded time") {
  std::vector<std::string> names;
  for (int i = 0; i < 300'000; ++i) names.push_back(std::to_string(1'000'000 + i) + std::string(50, 'a'));
  const auto start = arzoo::test::processor_seconds();
  CHECK_FALSE(closest(std::string(60, 'b'), names));
  CHECK(arzoo::test::processor_seconds() - start < 1);
}
