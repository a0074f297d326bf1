#include <algorithm>

#include "cli/program.h"

using namespace arzoo::test;

namespace {

constexpr double kBound =
    0.1;  // seconds; a few milliseconds on an idle machine, this leaves room for a busy one

/// Of several calls, which must all end with `code`.
double median_seconds(const Program& arzoo, const std::vector<std::string>& words, int code) {
  std::vector<double> seconds;
  for (int i = 0; i < 9; ++i) {
    const auto ended = arzoo(words);
    REQUIRE(ended.code == code);
    seconds.push_back(ended.seconds);
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

}  // namespace

TEST_CASE("help, versions, models, completion and mistakes are answered at once, without libarzoo") {
  const Program arzoo(Library::none);
  arzoo.write("wrong.json",
              R"({"model": {"name": "itransformer", "d_modle": 8}, "data": {"path": "x.csv"}})");
  const auto [words, code] = GENERATE(table<std::vector<std::string>, int>({
      {{"--help"}, 0},
      {{"--version"}, 0},
      {{"forecast", "--help"}, 0},
      {{"models"}, 0},
      {{"models", "itransformer"}, 0},
      {{"models", "itransformer", "--schema"}, 0},
      {{"completion", "bash"}, 0},
      {{"trian"}, 2},
      {{"train", "absent.json"}, 2},
      {{"train", "wrong.json"}, 2},
      {{"train", "wrong.json", "--dry-run"}, 2},
  }));
  CAPTURE(words);
  const double seconds = median_seconds(arzoo, words, code);
  CAPTURE(seconds);
  CHECK(seconds < kBound);
}

TEST_CASE("a command that computes says where it looked for libarzoo") {
  const Program arzoo(Library::none);
  arzoo.write("config.json", kConfig);
  const auto ended = arzoo({"train", "config.json"});
  CHECK(ended.code == 1);
  const auto root = arzoo.bin().parent_path().string();
  CHECK(ended.err == "arzoo: libarzoo.so is missing, looked for " + root + "/bin/libarzoo.so, " + root +
                         "/lib/arzoo/libarzoo.so, " + root +
                         "/lib/libarzoo.so (build the target arzoo_lib, or install arzoo as a whole)\n");
}

TEST_CASE("a libarzoo that is none is refused") {
  const Program arzoo(Library::none);
  arzoo.write("config.json", kConfig);
  std::ofstream(arzoo.bin() / "libarzoo.so") << "not a library";
  const auto ended = arzoo({"train", "config.json"});
  CHECK(ended.code == 1);
  CHECK_THAT(ended.err, ContainsSubstring("bin/libarzoo.so: cannot be opened: "));
}

TEST_CASE("an installed libarzoo is found in lib/arzoo") {
  const Program arzoo(Library::stub);
  arzoo.write("config.json", kConfig);
  const auto folder = arzoo.bin().parent_path() / "lib/arzoo";
  fs::create_directories(folder);
  fs::rename(arzoo.bin() / "libarzoo.so", folder / "libarzoo.so");
  CHECK(arzoo({"train", "config.json"}).code == 0);
}

TEST_CASE("a package of CPU libraries has no CUDA, and says so") {
  const Program arzoo(Library::stub);
  arzoo.write("config.json", kConfig);
  CHECK_THAT(arzoo({"train", "config.json", "--device", "cuda"}).err,
             !ContainsSubstring("CPU libraries only"));
  const auto folder = arzoo.bin().parent_path() / "lib/arzoo";
  fs::create_directories(folder);
  fs::rename(arzoo.bin() / "libarzoo.so", folder / "libarzoo.so");
  std::ofstream(folder / "libtorch_cpu.so").close();
  CHECK_THAT(arzoo({"--version"}).out, ContainsSubstring("CUDA none\n"));
  CHECK(arzoo({"train", "config.json"}).code == 0);
  const auto ended = arzoo({"train", "config.json", "--device", "cuda:0"});
  CHECK(ended.code == 1);
  CHECK(ended.err ==
        "arzoo: --device cuda: this package has LibTorch's CPU libraries only (build arzoo from source with "
        "scripts/setup.sh --cuda)\n");
}

TEST_CASE("a dry run shows the resolved config even if the plan cannot be made") {
  const Program arzoo(Library::none);
  arzoo.write("config.json", kConfig);
  const auto ended =
      arzoo({"train", "config.json", "--dry-run", "--set", "training.epochs=3", "--seed", "5"});
  CHECK(ended.code == 1);
  CHECK(ended.json()["training"]["epochs"] == 3);
  CHECK(ended.json()["seed"] == 5);
  CHECK_THAT(ended.err, ContainsSubstring("libarzoo.so is missing"));
}

TEST_CASE("a config that models prints is accepted once it names its data") {
  const Program arzoo(Library::stub);
  arzoo.write("config.json", arzoo({"models", "itransformer", "--config"}).out);
  const auto ended = arzoo({"train", "config.json", "--set", "data.path=series.csv", "--dry-run", "--json"});
  CHECK(ended.code == 0);
  CHECK(ended.json()["config"]["model"]["d_model"] == 512);
}
