#include "cli/hostile_files.h"
#include "fuzz/commands/small_model.h"

namespace arzoo::fuzz {
namespace {

using test::repeated;

/// 40 hourly rows, each with `cells` after its stamp.
std::string hours(const std::string& header, const std::string& cells, const std::string& between = ",") {
  std::string text = header + "\n";
  for (int i = 0; i < 40; ++i)
    text += fmt::format("2020-01-{:02} {:02}:00:00{}{}\n", 1 + i / 24, i % 24, between, cells);
  return text;
}

std::string long_file(int series, int rows) {
  std::string text = "unique_id,ds,y\n";
  for (int s = 0; s < series; ++s) {
    for (int row = 0; row < rows; ++row)
      text += fmt::format("s{},2020-{:02}-{:02},{}\n", s, 1 + row / 28, 1 + row % 28, row * s % 17);
  }
  return text;
}

/// So many bytes more that the target's option `choice` of six is chosen.
std::string chosen(std::string text, std::size_t choice) {
  while (text.size() % 6 != choice) text += '\n';
  return text;
}

}  // namespace

std::vector<std::string> made_seeds() {
  const auto sample = sample_csv();
  const auto gap = hours("date,a,b", "1,2") + "2020-06-01 00:00:00,1,2\n";
  const auto ages =
      "date,a,b\n0001-01-01 00:00:00,1,2\n" + hours("", "1,2").substr(1) + "9999-12-31 23:00:00,1,2\n";
  std::string wide = "date";
  for (int c = 0; c < 500; ++c) wide += fmt::format(",c{}", c);
  std::vector<std::string> seeds;
  for (std::size_t choice = 0; choice < 6; ++choice) seeds.push_back(chosen(sample, choice));
  for (const std::size_t choice : {0, 2, 4}) {
    for (const auto& text : {gap, ages, hours("date,a,b", ",nan"), hours("date,a,b", "1e308,-1.797e308")})
      seeds.push_back(chosen(text, choice));
  }
  for (const auto& text :
       {long_file(3, 60), long_file(2'000, 1), long_file(50, 20), hours(wide, repeated("1,", 499) + "1"),
        hours("date,\xe2\x80\xae" + std::string(300, 'a'), "1"), hours("date;a;b", "1,5;2,5", ";"),
        "\xef\xbb\xbf" + hours("date,a,b", "\"1\",2\r"), test::gzipped(sample),
        test::gzipped(std::string(5'000'000, '0')), hours("date,a", "\"" + std::string(20'000, '1')),
        "date,a\n" + std::string(500'000, '1'), "date,a\n" + repeated("2020-01-01,1\n", 20'000),
        "date,a\n" + repeated(",\n", 100'000), repeated("\"\"\"", 100'000),
        std::string("Date\tx\n1970 Q1\t1\n1970 Q2\t2\n1970 Q3\t3\n1970 Q4\t5\n"),
        std::string("day,y\n20-Jan-2020,1\n21-Jan-2020,2\n22-Jan-2020,4\n23-Jan-2020,3\n")})
    seeds.push_back(chosen(text, 4));
  return seeds;
}

}  // namespace arzoo::fuzz
