// Series from stdin and to stdout, by folder and by pattern, with the real program.

#include "cli/refusal.h"

using namespace arzoo::test;

namespace {

Ended in_shell(const Program& arzoo, const std::string& command) {
  return arzoo.call("sh", {"-c", "arzoo=" ARZOO_BINARY "; " + command});
}

constexpr const char* kForecast = "$arzoo forecast --model run --threads 1 --quiet ";

}  // namespace

TEST_CASE("a forecast reads stdin and writes stdout, and nothing else goes there") {
  const TrainedProgram arzoo;
  REQUIRE(in_shell(arzoo, std::string(kForecast) + "--input series.csv --output out.csv").code == 0);
  const auto expected = read_file(arzoo.files() / "out.csv");
  for (const char* how : {"--input series.csv --output -", "--input - --output - < series.csv",
                          "--input - --output - <&- < series.csv"}) {
    const auto ended = in_shell(arzoo, std::string(kForecast) + how);
    CHECK(ended.code == 0);
    CHECK(ended.out == expected);
    CHECK(ended.err.empty());
  }
  const auto piped =
      in_shell(arzoo, "gzip -c series.csv | " + std::string(kForecast) + "--input - --output -");
  CHECK(piped.code == 0);
  CHECK(piped.out == expected);
}

TEST_CASE("training reads stdin") {
  const TrainedProgram arzoo;
  const auto ended = in_shell(
      arzoo, "cat series.csv | $arzoo train config.json --set data.path=- --out piped --threads 1 --quiet");
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  CHECK(read_file(arzoo.files() / "piped/model/model.safetensors") ==
        read_file(arzoo.files() / "run/model/model.safetensors"));
}

TEST_CASE("what stdin and stdout cannot do is said") {
  const TrainedProgram arzoo;
  const std::vector<std::string> base{"forecast", "--model", "run", "--threads", "1", "--quiet"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return more;
  };
  check_refused(arzoo, with({"--input", "-", "-", "--output", "out.csv"}), 2,
                "forecast: --input: - is given twice, stdin can be read once");
  check_refused(arzoo, with({"--input", "-", "--output", "out.csv"}), 3,
                "stdin: is empty, expected a header line");
  check_refused(arzoo, with({"--input", "*.tsv", "--output", "out.csv"}), 3,
                "forecast: --input: *.tsv: no file matches this pattern");
  check_refused(
      arzoo, with({"--input", "series.csv", "--output", "out.csv", "--resample", "1h"}), 2,
      "forecast: --resample: \"1h\": expected a frequency and sum, mean, min, max, first, last or count, as "
      "in 1h:mean…");
  const auto both = in_shell(arzoo, std::string(kForecast) + "--input series.csv --output - --json");
  CHECK(both.code == 2);
  CHECK_THAT(both.err, ContainsSubstring("stdout cannot hold the document of --json as well"));
}

TEST_CASE("a folder and a pattern stand for their files") {
  const TrainedProgram arzoo;
  fs::create_directory(arzoo.files() / "parts");
  fs::copy_file(arzoo.files() / "series.csv", arzoo.files() / "parts/b.csv");
  fs::copy_file(arzoo.files() / "series.csv", arzoo.files() / "parts/a.csv");
  arzoo.write("parts/readme.txt", "not a table");
  const std::vector<std::string> words{"forecast", "--model", "run", "--quiet", "--threads", "1"};
  std::vector<std::string> texts;
  for (const auto& input :
       std::vector<std::vector<std::string>>{{"parts"}, {"parts/*.csv"}, {"parts/a.csv", "parts/b.csv"}}) {
    auto arguments = words;
    arguments.insert(arguments.end(), {"--output", "out.csv", "--input"});
    arguments.insert(arguments.end(), input.begin(), input.end());
    const auto ended = arzoo(arguments);
    INFO(ended.err);
    REQUIRE(ended.code == 0);
    texts.push_back(read_file(arzoo.files() / "out.csv"));
  }
  CHECK(texts[0] == texts[2]);
  CHECK(texts[1] == texts[2]);
  CHECK_THAT(texts[0], ContainsSubstring("b/a,"));
}

TEST_CASE("a long file that is four times larger takes no more memory") {
  const TrainedProgram arzoo;
  const auto forecast_long = [&](int series) {
    constexpr int kRows = 2000;
    const arzoo::io::DateFormat format;
    std::vector<std::string> stamps;
    for (int row = 0; row < kRows; ++row) stamps.push_back(format.format(hour_stamp(row)));
    std::string text = "unique_id,ds,a,b\n";
    for (int s = 0; s < series; ++s) {
      const auto name = "series" + std::to_string(s);
      for (int row = 0; row < kRows; ++row) (((text += name) += ',') += stamps[row]) += ",1.5,2\n";
    }
    arzoo.write("long.csv", text);
    const auto ended = arzoo({"forecast", "--model", "run", "--input", "long.csv", "--id", "unique_id",
                              "--columns", "a,b", "--output", "out.csv", "--threads", "1", "--quiet"});
    INFO(ended.err);
    CHECK(ended.code == 0);
    CHECK(arzoo::io::CsvTable::read(arzoo.files() / "out.csv").rows() ==
          static_cast<std::size_t>(series) * 2 * 4);
    return ended.peak_bytes;
  };
  const auto small = forecast_long(350), large = forecast_long(1400);
  CHECK(large < small + (std::uint64_t{40} << 20));
}
