#include "core/measured_cache.h"

#include "core/config.h"
#include "support/test.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

const std::string kProcessor = "this one";

/// The cached rate, or 7, which is then measured.
double rate(const std::filesystem::path& folder, int64_t version = 1) {
  return measured_once({folder, "rates.json", version}, kProcessor, {"rate"},
                       [] {
                         return MeasuredNumbers{{"rate", 7.0}};
                       })
      .at(0)
      .second;
}

/// A cache that says something of this processor.
void say(const TempDir& temp, const Json& rate) {
  const Json entry{{"rate", rate}};
  temp.write("rates.json", Json{{"version", 1}, {"processors", {{kProcessor, entry}}}}.dump());
}

}  // namespace

TEST_CASE("what is measured once is read afterwards, until its version changes") {
  const TempDir temp;
  CHECK(rate(temp / "deep/folder") == 7.0);
  CHECK(fs::exists(temp / "deep/folder/rates.json"));
  say(temp, 5.0);
  CHECK(rate(temp.path()) == 5.0);
  CHECK(rate(temp.path(), 2) == 7.0);
  CHECK(rate(temp.path()) == 7.0);
}

TEST_CASE("a rate that no processor has is measured again") {
  const TempDir temp;
  say(temp, GENERATE(Json(0.0), Json(-1.0), Json(1e300), Json("7"), Json(nullptr), Json::array({1})));
  CHECK(rate(temp.path()) == 7.0);
  const auto stored = Json::parse(test::read_file(temp / "rates.json"));
  CHECK(stored["processors"][kProcessor]["rate"] == 7.0);
}

TEST_CASE("a cache that is no cache is replaced") {
  const TempDir temp;
  const auto file = temp.write(
      "rates.json", GENERATE("", "{", "[1]", "\x80", R"({"version": 1})",
                             R"({"version": [], "processors": {}})", R"({"version": 1, "processors": 3})"));
  CHECK(rate(temp.path()) == 7.0);
  CHECK(Json::parse(test::read_file(file))["processors"].size() == 1);
  CHECK(rate(file) == 7.0);  // a file where the folder should be
}

TEST_CASE("other processors' rates stay in a shared cache") {
  const TempDir temp;
  temp.write("rates.json", R"({"version": 1, "processors": {"another": {"rate": 3}}})");
  CHECK(rate(temp.path()) == 7.0);
  const auto stored = Json::parse(test::read_file(temp / "rates.json"))["processors"];
  CHECK(stored.size() == 2);
  CHECK(stored["another"]["rate"] == 3);
}
