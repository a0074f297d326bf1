#include "cli/refusal.h"
#include "core/json.h"

using namespace arzoo;
using namespace arzoo::test;

namespace {

void write_search(const Program& arzoo, const std::string& space = R"({"model.d_model": [16, 32]})") {
  arzoo.write("config.json", kTinyConfig);
  arzoo.write("space.json", space);
}

}  // namespace

TEST_CASE("a search that cannot begin is refused before LibTorch is opened") {
  const Program arzoo(Library::none);
  write_search(arzoo);
  check_refused(arzoo, {"tune", "config.json", "--search", "space.json"}, 2,
                "tune: a limit is missing, expected --time-limit SECONDS, --trials N or both");
  check_refused(arzoo, {"tune", "config.json", "--trials", "3"}, 2,
                "tune: --search is required (see arzoo tune --help)");
  check_refused(arzoo, {"tune", "config.json", "--search", "none.json", "--trials", "3"}, 2,
                "none.json: cannot be opened: …");
  check_refused(arzoo, {"tune", "config.json", "--search", "space.json", "--trials", "0"}, 2,
                "tune: --trials: expected an integer from 1 to 10000, got \"0\"");
  check_refused(arzoo, {"tune", "config.json", "--search", "space.json", "--time-limit", "0"}, 2,
                "tune: --time-limit: expected…");
  write_search(arzoo, R"({"model.d_modle": [16, 32]})");
  check_refused(
      arzoo, {"tune", "config.json", "--search", "space.json", "--trials", "3"}, 2,
      R"(space.json: /model.d_modle: no such key in a config of itransformer (did you mean "model.d_model"?))");
}

TEST_CASE("the trials of a search are printed with the best first") {
  const Program arzoo(Library::stub);
  write_search(arzoo);
  const auto ended =
      arzoo({"tune", "config.json", "--search", "space.json", "--trials", "2", "--out", "found"});
  CHECK(ended.code == 0);
  CHECK(ended.out ==
        "trial  val mse  trained  steps  seconds  model.d_model\n"
        "    2   0.2500  100%        24      1.5  32\n"
        "    1   0.7500  50%         24      1.5  16\n"
        "\n"
        "ended   trials, after 3.0s\n"
        "best    trial 2, val mse 0.2500\n"
        "test    mse 0.5000\n"
        "model   found\n"
        "config  found/best.json\n");
  const auto json = arzoo({"tune", "config.json", "--search", "space.json", "--trials", "2", "--json"});
  CHECK(Json::parse(json.out)["best"]["trial"] == 2);
}

TEST_CASE("a search killed at any moment goes on with its trials") {
  const Program arzoo(Library::built);
  write_search(arzoo);
  arzoo.write("series.csv", wide_csv(hourly_table(80, {"a", "b"})));
  const std::vector<std::string> search{"tune",    "config.json", "--search",  "space.json", "--trials", "2",
                                        "--rungs", "1",           "--threads", "1",          "--quiet"};
  auto once = search, again = search;
  once.insert(once.end(), {"--out", "whole", "--json"});
  const auto whole = Json::parse(arzoo(once).out);
  CHECK(whole["trials"].size() == 2);
  arzoo.call("sh", {"-c",
                    "../bin/arzoo tune config.json --search space.json --trials 2 --rungs 1 --threads 1 "
                    "--quiet --out killed & sleep 0.7; kill -9 $!; wait"});
  again.insert(again.end(), {"--out", "killed", "--json"});
  if (fs::exists(arzoo.files() / "killed/last")) again.emplace_back("--resume");
  const auto resumed = arzoo(again);
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(Json::parse(resumed.out)["best"]["score"] == whole["best"]["score"]);
}
