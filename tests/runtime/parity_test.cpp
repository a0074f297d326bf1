#include "runtime/parity.h"

#include <limits>

#include "runtime/safetensors.h"
#include "support/test.h"

using namespace arzoo;
using arzoo::test::TempDir;
namespace fs = std::filesystem;
using runtime::NamedTensors;
using runtime::ParityCase;
using runtime::ParityReport;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Writes a parity_fixture folder whose outputs are `outputs`, and opens it.
ParityCase parity_fixture(const TempDir& temp, const std::vector<NamedTensors::Entry>& outputs,
                          const std::string& more = "") {
  std::string names;
  for (const auto& [name, tensor] : outputs) names += (names.empty() ? "\"" : ", \"") + name + "\": {}";
  temp.write("toys/one/case.json",
             "{\"tolerance\": {\"rtol\": 0.01, \"atol\": 0.1}, \"outputs\": {" + names + "}" + more + "}");
  temp.write("toys/one/config.json", "{}");
  runtime::write_safetensors(temp / "toys" / "one" / "io.safetensors", outputs);
  return ParityCase::open(temp / "toys" / "one");
}

}  // namespace

TEST_CASE("a folder is opened with its name, tolerance and outputs") {
  const TempDir temp;
  const auto opened = parity_fixture(temp, {{"b", at::ones({2})}, {"a", at::zeros({1})}});
  CHECK(opened.name == "toys/one");
  CHECK(opened.tolerance.rtol == 0.01);
  CHECK(opened.tolerance.atol == 0.1);
  CHECK(opened.output_names() == std::vector<std::string>{"b", "a"});
  CHECK(at::equal(opened.input("b"), at::ones({2})));
  CHECK_FALSE(opened.has_input("c"));
}

TEST_CASE("a folder that is no fixture is named") {
  const TempDir temp;
  CHECK_THROWS_AS(ParityCase::open(temp.path()), CheckpointError);
  CHECK_THROWS_WITH(ParityCase::open(temp / "none"),
                    ContainsSubstring((temp / "none").string() + ": no case.json"));
}

TEST_CASE("a value passes within atol + rtol times the expected size, and not beyond") {
  const TempDir temp;
  const auto opened = parity_fixture(temp, {{"y", at::tensor(std::vector<double>{0.0, 10.0, kInfinity})}});
  const auto [zero, ten, infinite, passes] = GENERATE(table<double, double, double, bool>({
      {0.0, 10.0, kInfinity, true},
      {0.1, 10.199, kInfinity, true},
      {-0.1, 9.801, kInfinity, true},
      {0.11, 10.0, kInfinity, false},
      {0.0, 10.21, kInfinity, false},
      {0.0, 10.0, -kInfinity, false},
      {0.0, 10.0, 1e300, false},
      {kNan, 10.0, kInfinity, false},
      {0.0, kNan, kInfinity, false},
      {0.0, 10.0, kNan, false},
      {kInfinity, 10.0, kInfinity, false},
  }));
  ParityReport report(opened);
  report.check("y", at::tensor(std::vector<double>{zero, ten, infinite}));
  INFO(zero << " " << ten << " " << infinite);
  CHECK(report.passed() == passes);
  CHECK(report.outputs().front().worst.empty() == passes);
}

TEST_CASE("an expected NaN is matched by nothing") {
  const TempDir temp;
  const auto opened = parity_fixture(temp, {{"y", at::full({1}, kNan)}});
  ParityReport report(opened);
  report.check("y", at::full({1}, 0.0));
  CHECK_FALSE(report.passed());
}

TEST_CASE("the worst element is named with both values") {
  const TempDir temp;
  const auto opened = parity_fixture(temp, {{"y", at::zeros({2, 3})}});
  ParityReport report(opened);
  auto value = at::zeros({2, 3});
  value[0][1] = 0.5;
  value[1][2] = -2;
  report.check("y", value);
  CHECK(report.outputs().front().worst == "[1, 2]: -2, expected 0");
  CHECK(report.outputs().front().max_abs == 2.0);
}

TEST_CASE("another shape fails, even with as many elements") {
  const TempDir temp;
  const auto opened = parity_fixture(temp, {{"y", at::zeros({2, 3})}});
  ParityReport report(opened);
  report.check("y", at::zeros({3, 2}));
  CHECK_FALSE(report.passed());
  CHECK(report.outputs().front().worst == "shape [3, 2], expected [2, 3]");
}

TEST_CASE("an output that nobody checked is a failure, an intermediate result is not") {
  const TempDir temp;
  const auto opened = parity_fixture(
      temp,
      {{"y", at::zeros({1})}, {"z", at::zeros({1})}, {"mid.a", at::zeros({1})}, {"attn.0", at::zeros({1})}});
  ParityReport report(opened);
  CHECK_FALSE(report.passed());  // nothing was compared at all
  report.check("y", at::zeros({1}));
  CHECK(report.unchecked() == std::vector<std::string>{"z"});
  CHECK_FALSE(report.passed());
  report.check("z", at::zeros({1}));
  CHECK(report.unchecked().empty());
  CHECK(report.passed());
}

TEST_CASE("an intermediate result is shown and decides nothing") {
  const TempDir temp;
  const auto opened = parity_fixture(temp, {{"y", at::zeros({1})}, {"mid.a", at::zeros({1})}});
  ParityReport report(opened);
  report.inform("mid.a", at::full({1}, 9.0));
  report.inform("mid.unknown", at::zeros({1}));
  CHECK(report.outputs().size() == 1);
  CHECK_FALSE(report.passed());
  report.check("y", at::zeros({1}));
  CHECK(report.passed());
}

TEST_CASE("an output that the case does not have cannot be checked") {
  const TempDir temp;
  const auto opened = parity_fixture(temp, {{"y", at::zeros({1})}});
  ParityReport report(opened);
  CHECK_THROWS_AS(report.check("x", at::zeros({1})), CheckpointError);
}

TEST_CASE("numbers are compared with their own tolerance") {
  const TempDir temp;
  const auto opened = parity_fixture(temp, {{"y", at::zeros({1})}});
  ParityReport report(opened);
  report.check_value("exact", 3.0, 3.0, {0, 0});
  CHECK(report.outputs().back().passed);
  report.check_value("near", 3.0, 3.1, {0.1, 0});
  CHECK(report.outputs().back().passed);
  report.check_value("far", 3.0, 3.1, {0, 0});
  CHECK_FALSE(report.outputs().back().passed);
}

TEST_CASE("weights may be those of the fixture beside it, and of no other place") {
  const TempDir temp;
  fs::create_directories(temp / "toys" / "shared");
  runtime::write_safetensors(temp / "toys" / "shared" / "weights.safetensors", {{"w", at::ones({1})}});
  for (const char* name : {"shared", "../../../toys/shared"}) {
    const auto opened =
        parity_fixture(temp, {{"y", at::zeros({1})}}, std::string(", \"weights_same_as\": \"") + name + "\"");
    CHECK(opened.weights().contains("w"));
  }
}

TEST_CASE("a data set is looked for in the folder, then below the datasets folders beside its parents") {
  const TempDir temp;
  const auto opened = parity_fixture(temp, {{"y", at::zeros({1})}});
  CHECK_THROWS_WITH(opened.dataset("ETTh1.csv"), ContainsSubstring("toys/one: needs ETTh1.csv"));
  const auto far = temp.write("datasets/ETT/small/ETTh1.csv", "");
  CHECK(opened.dataset("ETTh1.csv") == fs::weakly_canonical(far));
  const auto near = temp.write("toys/one/ETTh1.csv", "");
  CHECK(opened.dataset("ETTh1.csv") == fs::weakly_canonical(near));
}
