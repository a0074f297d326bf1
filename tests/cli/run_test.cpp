#include "cli/program.h"

using namespace arzoo::test;

namespace {

struct PreparedProgram : Program {
  PreparedProgram() : Program(Library::stub) {
    write("config.json", kConfig);
    write("suite.json", R"({"cells": []})");
    write("series.csv", "date,a\n2020-01-01,1\n");
    write("model.safetensors", "weights");
    write("broken.safetensors", "weights");
    write("fixtures/forecast/right/case.json", "{}");
    write("fixtures/forecast/wrong/case.json", "{}");
  }
};

}  // namespace

TEST_CASE("results go to stdout, progress and notes to stderr") {
  const auto ended = PreparedProgram()({"train", "config.json"});
  CHECK(ended.code == 0);
  CHECK(ended.out ==
        "run      runs/itransformer\n"
        "trained  20 steps, 2 epochs in 1m03s\n"
        "best     epoch 2: mse 0.2500, mae 0.3750\n"
        "test     mse 0.5000\n");
  CHECK_THAT(ended.err, ContainsSubstring("a note\nwarning: a warning\n"));
  CHECK(ended.err.find("a detail") == std::string::npos);
}

TEST_CASE("--quiet leaves the warnings, --verbose adds the details") {
  const PreparedProgram arzoo;
  CHECK(arzoo({"train", "config.json", "--quiet"}).err == "warning: a warning\n");
  CHECK_THAT(arzoo({"train", "config.json", "--verbose"}).err, ContainsSubstring("a detail\n"));
}

TEST_CASE("with --json stdout carries exactly one document") {
  const PreparedProgram arzoo;
  const std::vector<std::string> words = GENERATE(values<std::vector<std::string>>({
      {"train", "config.json"},
      {"train", "config.json", "--dry-run"},
      {"forecast", "--model", "model.safetensors", "--input", "series.csv", "--output", "out.csv"},
      {"generate-image", "--model", "model.safetensors", "--output", "pictures"},
      {"generate-3d", "--model", "model.safetensors", "--output", "shape.glb"},
      {"inspect", "model.safetensors"},
      {"convert", "model.safetensors", "out.safetensors"},
      {"convert", "model.safetensors", "out.safetensors", "--dry-run"},
      {"bench", "table", "suite.json"},
      {"bench", "speed", "suite.json"},
      {"bench", "regress", "suite.json", "--baseline", "baseline.json"},
      {"bench", "report", "runs"},
      {"bench", "parity", "fixtures/forecast/right"},
      {"bench", "parity", "fixtures", "--dry-run"},
      {"models"},
      {"models", "itransformer"},
      {"models", "itransformer", "--schema"},
  }));
  CAPTURE(words);
  auto with_json = words;
  with_json.push_back("--json");
  const auto ended = arzoo(with_json);
  CHECK(ended.code == 0);
  CHECK(ended.json().is_object());
  CHECK(arzoo(words).code == 0);
}

TEST_CASE("options reach the task") {
  const PreparedProgram arzoo;
  const auto trained = arzoo({"train", "config.json", "--seed", "7", "--out", "runs/mine", "--json"}).json();
  CHECK(trained["seed"] == 7);
  CHECK(trained["run_dir"] == "runs/mine");
  const auto forecast =
      arzoo({"forecast", "--model", "model.safetensors", "--input", "series.csv", "series.csv", "--output",
             "out.csv", "--level", "95", "--level", "80,95", "--horizon", "12", "--json"})
          .json();
  CHECK(forecast["levels"] == nlohmann::json({80.0, 95.0}));
  CHECK(forecast["horizon"] == 12);
  const auto table = arzoo({"bench", "table", "suite.json", "--only", "a", "--only", "b", "--json"}).json();
  CHECK(table["only"] == nlohmann::json({"a", "b"}));
  CHECK(table["out"] == "runs/bench/suite");
}

TEST_CASE("what finds factors computes with as many threads as --threads says") {
  const PreparedProgram arzoo;
  const auto ended = arzoo(
      {"convert", "model.safetensors", "factors", "--factorize", "low_rank", "--threads", "3", "--json"});
  REQUIRE(ended.code == 0);
  CHECK(ended.json().at("threads") == 3);
}

TEST_CASE("charts and a backtest's series are named while they are few, then counted") {
  const PreparedProgram arzoo;
  const auto summary = [&](const std::string& option, const std::string& value) {
    return arzoo({"forecast", "--model", "model.safetensors", "--input", "series.csv", "--output", "out.csv",
                  option, value})
        .out;
  };
  CHECK_THAT(summary("--plot", "few"), ContainsSubstring("few/a.svg\n"));
  const auto many = summary("--plot", "many");
  CHECK_THAT(many, ContainsSubstring("3000 charts in many\n"));
  CHECK(many.find(".svg") == std::string::npos);
  CHECK_THAT(summary("--backtest", "2"), ContainsSubstring("series.s1.mse"));
  const auto long_backtest = summary("--backtest", "30");
  CHECK_THAT(long_backtest, ContainsSubstring("30 (the errors of each: --json)\n"));
  CHECK(long_backtest.find("s29") == std::string::npos);
}

TEST_CASE("a stream of forecasts has stdout to itself") {
  const auto ended = PreparedProgram()({"forecast", "--model", "model.safetensors", "--stream"});
  CHECK(ended.code == 0);
  CHECK(ended.out == "{\"yhat\":[1]}\n");
}

TEST_CASE("a task's error has its exit code and no result") {
  const auto ended = PreparedProgram()({"inspect", "broken.safetensors"});
  CHECK(ended.code == 3);
  CHECK(ended.out.empty());
  CHECK(ended.err == "arzoo: broken.safetensors: header is cut\n");
}

TEST_CASE("a failed parity check prints its table and exits with 4") {
  const PreparedProgram arzoo;
  const auto ended = arzoo({"bench", "parity", "fixtures/forecast/"});
  CHECK(ended.code == 4);
  CHECK(ended.out ==
        "case   output        max abs  max rel  result\n"
        "right  out.forecast  1.5e-06    3e-06  pass\n"
        "wrong  out.forecast  1.5e-06           FAIL at [0, 3, 1]\n"
        "\n1 passed, 1 failed\n");
  CHECK(ended.err == "arzoo: parity: 1 of 2 cases failed\n");
  const auto document = arzoo({"bench", "parity", "fixtures", "--json"}).json();
  CHECK(document["failed"] == 1);
  CHECK(document["error"]["exit_code"] == 4);
}

TEST_CASE("a regression exits with 4") {
  const PreparedProgram arzoo;
  const auto ended =
      arzoo({"bench", "regress", "suite.json", "--baseline", "baseline.json", "--only", "slow"});
  CHECK(ended.code == 4);
  CHECK(ended.err == "arzoo: regress: 1 of 2 checks failed\n");
}

TEST_CASE("names from a checkpoint cannot move the cursor") {
  const auto ended = PreparedProgram()({"inspect", "model.safetensors"});
  CHECK(ended.code == 0);
  CHECK(ended.out.find('\x1b') == std::string::npos);
  CHECK_THAT(ended.out, ContainsSubstring("projector.weight  F32    [96,512]  196608\n"));
}

TEST_CASE("a signal lets the task end by itself") {
  const int signal = GENERATE(SIGINT, SIGTERM);
  const auto ended = PreparedProgram().interrupted({"train", "config.json", "--out", "waits"}, {signal});
  CHECK(ended.code == 128 + signal);
  CHECK_THAT(ended.err, ContainsSubstring("arzoo: interrupted, go on with --resume\n"));
  CHECK(ended.seconds < 4.0);
}

TEST_CASE("a second signal ends the process at once") {
  const auto ended =
      PreparedProgram().interrupted({"train", "config.json", "--out", "ignores_signals"}, {SIGINT, SIGTERM});
  CHECK(ended.code == 128 + SIGTERM);
  CHECK(ended.seconds < 4.0);
}

TEST_CASE("a full disk behind stdout is an error, a reader that has gone is not") {
  const PreparedProgram arzoo;
  const auto full = arzoo.call("sh", {"-c", "../bin/arzoo models > /dev/full"});
  CHECK(full.code == 1);
  CHECK(full.err == "arzoo: stdout: no space left on device\n");
  const auto gone = arzoo.call("sh", {"-c", "{ sleep 0.1; ../bin/arzoo models; } | true"});
  CHECK(gone.err.empty());
}

TEST_CASE("the list of models counts parameters") {
  const PreparedProgram arzoo;
  CHECK(arzoo({"models", "--json"}).json()["models"][0]["parameters"] == 6400000);
  CHECK_THAT(arzoo({"models"}).out, ContainsSubstring("parameters"));
  CHECK(arzoo({"models", "--json"}).json()["models"][0]["activated_parameters"] == 3200000);
  CHECK_THAT(arzoo({"models", "time_moe"}).out,
             ContainsSubstring("activated   3200000 per token, 6.400 MFLOP in their matrix products\n"));
  CHECK(Program(Library::none)({"models"}).out.find("parameters") == std::string::npos);
}

TEST_CASE("a model's options are listed with type, default and range") {
  const PreparedProgram arzoo;
  const auto text = arzoo({"models", "itransformer"}).out;
  CHECK_THAT(text, ContainsSubstring("\nmodel.d_model "));
  CHECK_THAT(text, ContainsSubstring("gelu|relu"));
  const auto document = arzoo({"models", "itransformer", "--json"}).json();
  bool found = false;
  for (const auto& option : document["options"]) {
    if (option["key"] != "data.split.train") continue;
    found = true;
    CHECK(option["default"] == 0.7);
    CHECK(option["maximum"] == 1.0);
  }
  CHECK(found);
}

TEST_CASE("lists by scale and boxes reach the task as they are meant") {
  const PreparedProgram arzoo;
  const auto document =
      arzoo({"generate-image", "--model",           "model.safetensors", "--output", "out",
             "--top-k",        "600x2,9",           "--depth-schedule",  "4",        "--edit",
             "series.csv",     "--paint",           "1,2,3,4",           "--paint",  "0,0,5,6",
             "--class",        "T-shirt\\, long,7", "--class",           "a\\\\",    "--json"})
          .json();
  CHECK(document["classes"] == nlohmann::json({"T-shirt, long", "7", "a\\"}));
  CHECK(document["top_k"] == nlohmann::json({600, 600, 9}));
  CHECK(document["depth_schedule"] == nlohmann::json({4}));
  CHECK(document["paint"] == nlohmann::json({{1, 2, 3, 4}, {0, 0, 5, 6}}));
}

TEST_CASE("generated pictures are counted and timed") {
  const auto ended = PreparedProgram()(
      {"generate-image", "--model", "model.safetensors", "--output", "out", "--count", "8"});
  CHECK(ended.out ==
        "output     out\n"
        "generated  8 pictures in 12s (1.500 s each), 1 files\n");
}
