// JSON of many small values, which take far more memory than their text: what docs/results/reliability.md
// promises.

#include "cli/hostile_files.h"
#include "cli/refusal.h"

using namespace arzoo;
using namespace arzoo::test;

namespace {

constexpr double kLimitFloor = 64e6, kLimitPerByte = 8;

/// The built program beside the model "run" of one hourly variate.
struct OneVariateProgram : Program {
  OneVariateProgram() : Program(Library::built) {
    write("series.csv", wide_csv(hourly_table(80, {"a"})));
    write("config.json", kTinyConfig);
    const auto ended = (*this)({"train", "config.json", "--out", "run", "--threads", "1", "--quiet"});
    INFO(ended.err);
    REQUIRE(ended.code == 0);
  }

  /// Linux counts the peak of the process that starts another one to that of the other, so it is forgotten
  /// first.
  Ended run_alone(const std::string& arguments) const {
    std::ofstream("/proc/self/clear_refs") << "5";
    return call("bash", {"-c", std::string("exec ") + ARZOO_BINARY + " " + arguments});
  }
};

std::string request_of(const std::string& values) {
  return R"({"ds": "2020-01-04 08:00:00", "values": )" + values + "}\n";
}

/// A command and a file of JSON that it reads.
struct HostileJson {
  std::string what;
  std::string arguments, name, text;
  std::string small;  ///< in place of the text, to know what the command takes anyway
  int code;
  std::string said;  ///< on stdout or on stderr
};

std::vector<HostileJson> hostile_json(const Program& arzoo) {
  const std::string stream = "forecast --model run --stream --threads 1 < lines", few = request_of("[1]"),
                    too_much = "so many small values that they take far more memory than the text";
  const auto million = [](const std::string& piece, int times) {
    return repeated(piece, static_cast<std::size_t>(times) * 1'000'000);
  };
  const auto config = read_file(arzoo.files() / "run/model/config.json");
  auto many_scalers = config;
  const std::string scalers = R"("scalers": {)";
  std::string more;
  for (int i = 0; i < 100'000; ++i) more += fmt::format(R"("s{}": {{"mean": [1.5], "scale": [2.5]}}, )", i);
  many_scalers.insert(many_scalers.find(scalers) + scalers.size(), more);
  return {
      {"7 million numbers in a line of `forecast --stream` (answered)", stream, "lines",
       request_of("[" + million("0,", 7) + "0]"), few, 0, R"("yhat":[)"},
      {"800,000 numbers of 18 digits in such a line (answered)", stream, "lines",
       request_of("[" + repeated("50.123456789012345,", 800'000) + "0]"), few, 0, R"("yhat":[)"},
      {"5 million numbers and a text in such a line", stream, "lines",
       request_of("[" + million("0,", 5) + "\"\"]"), few, 0, too_much},
      {"an id of 7 million numbers in such a line", stream, "lines",
       R"({"id": [)" + million("0,", 7) + "0]}\n", few, 0, too_much},
      {"a config of 10 million numbers", "train zeros.json", "zeros.json",
       R"({"model": {"name": "itransformer"}, "data": {"path": "series.csv", "columns": [)" +
           million("0,", 10) + "0]}}",
       "{}", 2, too_much},
      {"a config with a text of 40 MB that does not end", "train text.json", "text.json",
       R"({"model": ")" + million("x", 40), "{}", 2, "not valid JSON"},
      {"a model's config with 100,000 scalers (accepted)",
       "forecast --model run --input series.csv --output out.csv --threads 1", "run/model/config.json",
       many_scalers, config, 0, "out.csv"},
      {"a log of 50,000 metrics", "bench report charts --output page.html", "charts/metrics.jsonl",
       [] {
         std::string line = R"({"step": 1)";
         for (int i = 0; i < 50'000; ++i) line += fmt::format(R"(,"g{}/x":1)", i);
         return line + "}\n";
       }(),
       "{\"step\": 1, \"loss\": 1}\n", 0, "its curves would take more than"},
  };
}

/// The row of the table in docs/results/reliability.md.
bool is_documented(const HostileJson& file) {
  return read_file(source_dir() / "docs/results/reliability.md").find("| JSON | " + file.what + " |") !=
         std::string::npos;
}

}  // namespace

TEST_CASE("commands take memory and time in proportion to hostile JSON") {
  const OneVariateProgram arzoo;
  arzoo.write("charts/config.json", "{}");
  for (const auto& file : hostile_json(arzoo)) {
    CAPTURE(file.what, file.text.size());
    arzoo.write(file.name, file.small);
    const auto plain = arzoo.run_alone(file.arguments);
    arzoo.write(file.name, file.text);
    const auto ended = arzoo.run_alone(file.arguments);
    const auto taken = static_cast<double>(ended.peak_bytes) - static_cast<double>(plain.peak_bytes);
    INFO(ended.err.substr(0, 500));
    CAPTURE(taken, ended.seconds);
    CHECK(ended.code == file.code);
    CHECK_THAT(ended.out + ended.err, ContainsSubstring(file.said));
    CHECK(taken <= kLimitFloor + kLimitPerByte * static_cast<double>(file.text.size()));
    CHECK(ended.seconds < 30.0);
    CHECK(is_documented(file));
  }
}
