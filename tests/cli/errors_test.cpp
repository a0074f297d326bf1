#include "cli/program.h"

using namespace arzoo::test;

namespace {

/// A folder mistake a right config, a wrong one, and inputs for every command; no libarzoo, so nothing can
/// run.
struct ProgramWithInputs : Program {
  ProgramWithInputs() : Program(Library::none) {
    write("config.json", kConfig);
    write("cut.json", R"({"model": )");
    write("series.csv", "date,a\n2020-01-01,1\n");
    write("weights.pth", "weights");
    fs::create_directories(files() / "empty");
  }
};

struct Mistake {
  std::vector<std::string> words;
  int code;
  std::string message;
};

const std::vector<std::string> kForecast{"forecast", "--model", "weights.pth", "--input", "series.csv"};

const std::vector<std::string> kShapes{"generate-3d", "--model", "weights.pth"};

const std::vector<std::string> kGenerate{"generate-image", "--model", "weights.pth"};

std::string many_quantiles() {
  std::string text;
  for (int i = 1; i <= 101; ++i) text += (i == 1 ? "" : ",") + std::to_string(i / 102.0);
  return text;
}

Mistake mistake(std::vector<std::string> words, const std::vector<std::string>& more, int code,
                std::string message) {
  words.insert(words.end(), more.begin(), more.end());
  return {std::move(words), code, std::move(message)};
}

std::vector<Mistake> usage_mistakes() {
  return {
      {{},
       2,
       "a command is missing, expected one of train, distill, tune, forecast, generate-image, generate-3d, "
       "generate-text, score, embed-text, transcribe, links, encode, decode, bench, "
       "models, "
       "inspect, convert, launch, completion, man "
       "(see arzoo --help)"},
      {{"trian", "config.json"}, 2, R"(unknown command "trian" (did you mean "train"?))"},
      {{"dance"}, 2, R"(unknown command "dance" (see arzoo --help))"},
      {{"--quiet", "train"},
       2,
       R"(unknown option "--quiet" (options stand after the command, see arzoo --help))"},
      {{"bench"},
       2,
       "bench: a command is missing, expected one of table, speed, parity, regress, report (see arzoo bench "
       "--help)"},
      {{"bench", "party"}, 2, R"(bench: unknown command "party" (did you mean "parity"?))"},
      {{"bench", "parity"}, 2, "bench parity: DIR is required (see arzoo bench parity --help)"},
      {{"bench", "table"}, 2, "bench table: SUITE.json is required (see arzoo bench table --help)"},
      {{"train"}, 2, "train: CONFIG.json is required (see arzoo train --help)"},
      {{"train", "config.json", "more.json"},
       2,
       "train: unexpected argument more.json (see arzoo train --help)"},
      {{"train", "config.json", "--resum"},
       2,
       R"(train: unknown option "--resum" (did you mean "--resume"?))"},
      {{"train", "config.json", "-x"}, 2, R"(train: unknown option "-x" (see arzoo train --help))"},
      {{"train", "config.json", "--json=perhaps"}, 2, "train: --json: expected no value, it is a flag"},
      {{"train", "config.json", "--seed"}, 2, "train: --seed: expected a value, got none"},
      {{"train", "config.json", "--seed", "-1"},
       2,
       R"(train: --seed: expected an integer of at least 0, got "-1")"},
      {{"train", "config.json", "--seed", "9223372036854775808"},
       2,
       R"(train: --seed: expected an integer of at least 0, got "9223372036854775808")"},
      {{"train", "config.json", "--threads", "0"},
       2,
       R"(train: --threads: expected an integer from 1 to 1024, got "0")"},
      {{"train", "config.json", "--seed", "1", "--seed", "2"},
       2,
       "train: --seed: given more than once, expected one value"},
      {{"train", "config.json", "--quiet", "--verbose"},
       2,
       "train: --quiet and --verbose cannot be given together"},
      {{"train", "config.json", "--device", "gpu"},
       2,
       R"(train: --device: expected auto, cpu, cuda or cuda:i, got "gpu" (did you mean "cuda"?))"},
      {{"train", "config.json", "--device", "cuda:-1"},
       2,
       R"(train: --device: expected auto, cpu, cuda or cuda:i, got "cuda:-1")"},
      {{"train", "config.json", "--dtype", "bf61"},
       2,
       R"(train: --dtype: expected one of fp32, bf16, fp16, auto, got "bf61" (did you mean "bf16"?))"},
      {{"models", "itransfomer"},
       2,
       R"(models: NAME: no model is called "itransfomer" (did you mean "itransformer"?))"},
      {{"models", "--schema"}, 2, "models: --schema needs the NAME of a model (`arzoo models` lists them)"},
      {{"models", "itransformer", "--schema", "--config"},
       2,
       "models: --schema and --config cannot be given together"},
      {{"convert", "weights.pth"}, 2, "convert: OUT.safetensors is required (see arzoo convert --help)"},
      {{"convert", "weights.pth", "out.pth"},
       2,
       "convert: out.pth: expected a name that ends in .safetensors"},
      {{"links", "--input", "series.csv"}, 2, "links: --model is required (see arzoo links --help)"},
      {{"links", "--model", "weights.pth", "--input", "series.csv", "--top", "0"},
       2,
       R"(links: --top: expected an integer from 1 to 2147483647, got "0")"},
      {{"links", "--model", "weights.pth", "--input", "series.csv", "--at", "nan"},
       2,
       R"(links: --at: expected a number from 0 to 1000000000000000, got "nan")"},
      {{"completion", "tcsh"}, 2, R"(completion: SHELL: expected one of bash, zsh, fish, got "tcsh")"},
  };
}

std::vector<Mistake> file_mistakes() {
  return {
      {{"train", "absent.json"},
       2,
       "absent.json: cannot be opened: No such file or directory (expected a JSON file)"},
      {{"train", ""}, 2, "train: the path is empty, expected the name of a JSON file"},
      {{"train", "config.json", "--set", "model.d_modle=8"},
       2,
       R"(config.json: /model/d_modle: unknown key (did you mean "d_model"?))"},
      {{"train", "config.json", "--set", "training.epochs=0"},
       2,
       "config.json: /training/epochs: expected an integer in [1, 1000000], got 0"},
      {{"train", "config.json", "--out", ""},
       2,
       R"(config.json: /output: expected the name of a folder, got "")"},
      {{"links", "--model", "weights.pth", "--input", "series.csv"},
       2,
       "links: expected one of --query, --src and --evaluate, got 0"},
      {{"links", "--model", "weights.pth", "--input", "series.csv", "--src", "u", "--evaluate"},
       2,
       "links: expected one of --query, --src and --evaluate, got 2"},
      {{"links", "--model", "weights.pth", "--input", "absent.csv", "--evaluate"},
       3,
       "links: --input: absent.csv: no such file or directory"},
      {{"forecast"}, 2, "forecast: --input is required (see arzoo forecast --help)"},
      {{"forecast", "--model", "weights.pth"},
       2,
       "forecast: --input is required (see arzoo forecast --help)"},
      {{"forecast", "--model", "absent", "--input", "series.csv", "--output", "out.csv"},
       3,
       "forecast: --model: absent: no such file or directory, expected a run directory, a checkpoint folder "
       "or a weights file"},
      {{"forecast", "--model", "weights.pth", "--input", "series.csv", "absent.csv", "--output", "out.csv"},
       3,
       "forecast: --input: absent.csv: no such file or directory"},
      {{"forecast", "--model", "weights.pth", "--input", "empty", "--output", "out.csv"},
       3,
       "forecast: --input: empty: no .csv, .csv.gz, .parquet, .arrow or .feather file in this folder"},
      mistake(kForecast, {}, 2, "forecast: --output is required (see arzoo forecast --help)"),
      mistake(kForecast, {"--output", "series.csv"}, 2,
              "forecast: --output: series.csv is an input as well, expected another file"),
      mistake(kForecast, {"--output", "absent/out.csv"}, 2,
              "forecast: --output: absent/out.csv: there is no folder absent"),
      mistake(kForecast, {"--output", "empty"}, 2,
              R"(forecast: --output: "empty" is a folder, expected the name of a file)"),
      mistake(kForecast, {"--output", ""}, 2, "forecast: --output is required (see arzoo forecast --help)"),
      mistake(kForecast, {"--output", "out.csv", "--plot", "series.csv"}, 2,
              "forecast: --plot: series.csv is a file, expected a folder"),
      mistake(kForecast, {"--output", "out.csv", "--plot", "series.csv/a/b"}, 2,
              "forecast: --plot: series.csv is a file, expected a folder"),
      mistake(kForecast, {"--output", "out.csv", "--plot", ""}, 2,
              "forecast: --plot: the path is empty, expected the name of a folder"),
      mistake(kForecast, {"--output", "out.csv", "--future", "none.csv"}, 3,
              "forecast: --future: none.csv: no such file or directory"),
      mistake(kForecast, {"--output", "cut.json", "--future", "cut.json"}, 2,
              "forecast: --output: cut.json is an input as well, expected another file"),
      mistake(kForecast, {"--output", "out.csv", "--future", "series.csv", "--backtest", "2"}, 2,
              "forecast: --future and --backtest cannot be given together"),
      mistake(kForecast, {"--output", "out.csv", "--skip-short", "--pad-short"}, 2,
              "forecast: --skip-short and --pad-short cannot be given together"),
      mistake(kForecast, {"--output", "out.csv", "--xreg-mode", "model+xreg"}, 2,
              "forecast: --xreg-mode requires --xreg"),
      mistake(kForecast, {"--output", "out.csv", "--xreg", "--xreg-mode", "timesfm+xreg"}, 2,
              "forecast: --xreg-mode: expected one of xreg+model, model+xreg, got \"timesfm+xreg\""),
      {{"forecast", "--model", "weights.pth", "--input", "", "--output", "out.csv"},
       2,
       "forecast: --input: the path is empty, expected the name of a file"},
      {{"forecast", "--model", "", "--input", "series.csv", "--output", "out.csv"},
       2,
       "forecast: --model: the path is empty, expected the name of a file or folder"},
      mistake(kForecast, {"--output", "out.csv", "--level", "80,100"}, 2,
              R"(forecast: --level: expected a number between 0 and 100, got "100")"),
      mistake(kForecast, {"--output", "out.csv", "--quantiles", "0.5,1"}, 2,
              R"(forecast: --quantiles: expected a number from 1e-06 to 0.999999, got "1")"),
      mistake(kForecast, {"--output", "out.csv", "--quantiles", "0"}, 2,
              R"(forecast: --quantiles: expected a number from 1e-06 to 0.999999, got "0")"),
      mistake(kForecast, {"--output", "out.csv", "--quantiles", many_quantiles()}, 2,
              "forecast: --quantiles: 101 levels, expected at most 100"),
      mistake(kForecast, {"--output", "out.csv", "--samples", "0"}, 2,
              R"(forecast: --samples: expected an integer from 1 to 10000, got "0")"),
      mistake(kForecast, {"--output", "out.csv", "--samples", "2", "--backtest", "2"}, 2,
              "forecast: --samples and --backtest cannot be given together"),
      mistake(kForecast, {"--output", "out.csv", "--conformal", "adaptive"}, 2,
              "forecast: --conformal adaptive learns from the windows of a backtest (add --backtest N)"),
      mistake(
          kForecast, {"--output", "out.csv", "--conformal", "splt"}, 2,
          R"(forecast: --conformal: expected one of none, split, adaptive, got "splt" (did you mean "split"?))"),
      mistake(kForecast, {"--output", "out.csv", "--horizon", "0"}, 2,
              R"(forecast: --horizon: expected an integer from 1 to 1000000, got "0")"),
      mistake(kForecast, {"--output", "out.csv", "--step", "24"}, 2, "forecast: --step requires --backtest"),
      mistake(kForecast, {"--output", "out.csv", "--refit", "2"}, 2, "forecast: --refit requires --backtest"),
      mistake(kForecast, {"--output", "out.csv", "--backtest", "2", "--refit", "0"}, 2,
              R"(forecast: --refit: expected never, or an integer from 1 to 1000000, got "0")"),
      mistake(kForecast,
              {"--output", "out.csv", "--backtest", "2", "--refit", "1", "--conformal", "adaptive"}, 2,
              "forecast: --refit cannot be combined with --xreg, --set and --conformal adaptive"),
      mistake(kForecast, {"--output", "out.csv", "--backtest", "2", "--report", "series.csv"}, 2,
              "forecast: --report: series.csv is an input as well, expected another file"),
      mistake(kForecast, {"--output", "out.csv", "--missing", "drop"}, 2,
              R"(forecast: --missing: expected one of error, ffill, interpolate, got "drop")"),
      {{"generate-3d", "--output", "out"},
       2,
       "generate-3d: --model is required (see arzoo generate-3d --help)"},
      mistake(kShapes, {}, 2, "generate-3d: --output is required (see arzoo generate-3d --help)"),
      mistake(kShapes, {"--output", "a.fbx"}, 2,
              R"(a.fbx: "fbx" is no format of meshes (expected .obj, .ply, .stl, .off or .glb))"),
      mistake(kShapes, {"--output", "absent/a.glb"}, 2,
              "generate-3d: --output: absent/a.glb: there is no folder absent"),
      mistake(
          kShapes, {"--output", "out", "--format", "gbl"}, 2,
          R"(generate-3d: --format: expected one of obj, ply, stl, off, glb, step, got "gbl" (did you mean "glb"?))"),
      mistake(kShapes, {"--output", "a.glb", "--format", "ply"}, 2,
              "generate-3d: --format ply: --output a.glb names another format"),
      mistake(kShapes, {"--output", "series.csv"}, 2,
              R"(series.csv: "csv" is no format of meshes (expected .obj, .ply, .stl, .off or .glb))"),
      mistake(kShapes, {"--output", "cut.json/out"}, 2,
              "generate-3d: --output: cut.json is a file, expected a folder"),
      mistake(kShapes, {"--output", ""}, 2,
              "generate-3d: --output: the path is empty, expected the name of a folder"),
      mistake(kShapes, {"--output", "out", "--sheet", "sheet.gif"}, 2,
              "generate-3d: --sheet: sheet.gif: expected a name that ends in .png, .jpg or .jpeg"),
      mistake(kShapes, {"--output", "out", "--count", "2147483647"}, 2,
              R"(generate-3d: --count: expected an integer from 1 to 100000, got "2147483647")"),
      mistake(
          kShapes, {"--output", "out", "--class", "mug,,box"}, 2,
          R"(generate-3d: --class: expected a name between two commas, got "mug,,box" (\, is a comma in a name))"),
      mistake(kShapes, {"--output", "out", "--resolution", "2"}, 2,
              R"(generate-3d: --resolution: expected an integer from 4 to 1024, got "2")"),
      {{"generate-image", "--output", "out"},
       2,
       "generate-image: --model is required (see arzoo generate-image --help)"},
      mistake(kGenerate, {}, 2, "generate-image: --output is required (see arzoo generate-image --help)"),
      mistake(kGenerate, {"--output", "absent/a.png"}, 2,
              "generate-image: --output: absent/a.png: there is no folder absent"),
      mistake(kGenerate, {"--output", "absent/A.JPG"}, 2,
              "generate-image: --output: absent/A.JPG: there is no folder absent"),
      mistake(kGenerate, {"--output", "a.webp"}, 2,
              "generate-image: --output: a.webp: pictures are written as .png, .jpg or .jpeg"),
      mistake(kGenerate, {"--output", "series.csv"}, 2,
              "generate-image: --output: series.csv is a file, expected a folder"),
      mistake(kGenerate, {"--output", ""}, 2,
              "generate-image: --output: the path is empty, expected the name of a folder"),
      mistake(kGenerate, {"--output", "out", "--count", "20000000"}, 2,
              R"(generate-image: --count: expected an integer from 1 to 1000000, got "20000000")"),
      mistake(
          kGenerate, {"--output", "out", "--class", ""}, 2,
          R"(generate-image: --class: expected a name between two commas, got "" (\, is a comma in a name))"),
      mistake(kGenerate, {"--output", "a.jpeg", "--save-scales"}, 2,
              "generate-image: --save-scales writes many pictures, expected --output to be a folder"),
      mistake(kGenerate, {"--output", "a.png", "--show-pivots"}, 2,
              "generate-image: --show-pivots writes many pictures, expected --output to be a folder"),
      mistake(kGenerate, {"--output", "a.png", "--save-scales"}, 2,
              "generate-image: --save-scales writes many pictures, expected --output to be a folder"),
      mistake(kGenerate, {"--output", "out", "--edit", "series.csv"}, 2,
              "generate-image: --edit needs to know where: --paint, --keep or --mask"),
      mistake(kGenerate, {"--output", "out", "--paint", "1,2,3,4"}, 2,
              "generate-image: --paint requires --edit"),
      mistake(kGenerate, {"--output", "out", "--edit", "series.csv", "--paint", "1,2,3"}, 2,
              "generate-image: --paint: expected X,Y,W,H, the upper left corner and the size of a box in "
              R"(pixels, got "1,2,3")"),
      mistake(
          kGenerate, {"--output", "out", "--top-k", "16x6,-1"}, 2,
          "generate-image: --top-k: expected integers from 0 to 2147483647 (VxN for N times V; at most 64 "
          R"(of them), got "16x6,-1")"),
      mistake(kGenerate, {"--output", "out", "--cfg", "much"}, 2,
              R"(generate-image: --cfg: expected a number from 0 to 1000000, got "much")"),
      mistake(
          kGenerate, {"--output", "out", "--vae", "absent"}, 3,
          "generate-image: --vae: absent: no such file or directory, expected a run directory, a checkpoint "
          "folder or a weights file"),
      {{"convert", "weights.pth", "absent/out.safetensors"},
       2,
       "convert: absent/out.safetensors: there is no folder absent"},
      {{"convert", "weights.pth", "empty/../weights.pth/out.safetensors"},
       2,
       "convert: empty/../weights.pth/out.safetensors: there is no folder empty/../weights.pth"},
      {{"inspect", ""}, 2, "inspect: the path is empty, expected the name of a file or folder"},
      {{"bench", "table", "config.json", "--out", "series.csv"},
       2,
       "--out: series.csv is a file, expected a folder"},
      {{"bench", "speed", "config.json", "--out", ""},
       2,
       "--out: the path is empty, expected the name of a folder"},
      {{"bench", "table", ""}, 2, "bench table: the path is empty, expected the name of a JSON file"},
      {{"bench", "parity", ""}, 2, "bench parity: the path is empty, expected the name of a folder"},
      {{"bench", "report", "empty", "--output", "empty"},
       2,
       R"(bench report: --output: "empty" is a folder, expected the name of a file)"},
      {{"bench", "report", "empty", "--output", "absent/page.html"},
       2,
       "bench report: --output: absent/page.html: there is no folder absent"},
      {{"inspect", "absent"},
       3,
       "inspect: absent: no such file or directory, expected a run directory, a checkpoint folder or a "
       "weights file"},
      {{"bench", "table", "absent.json"},
       2,
       "absent.json: cannot be opened: No such file or directory (expected a JSON file)"},
  };
}

}  // namespace

TEST_CASE("a mistake in the command line is named in one line") {
  const ProgramWithInputs arzoo;
  for (const auto& mistake : usage_mistakes()) {
    CAPTURE(mistake.words);
    const auto ended = arzoo(mistake.words);
    CHECK(ended.err == "arzoo: " + mistake.message + "\n");
    CHECK(ended.code == mistake.code);
    CHECK(ended.out.empty());
  }
}

TEST_CASE("a config or file that cannot be used is named in one line") {
  const ProgramWithInputs arzoo;
  for (const auto& mistake : file_mistakes()) {
    CAPTURE(mistake.words);
    const auto ended = arzoo(mistake.words);
    CHECK(ended.err == "arzoo: " + mistake.message + "\n");
    CHECK(ended.code == mistake.code);
    CHECK(ended.out.empty());
  }
}

TEST_CASE("text that is no JSON is placed by line and column") {
  const auto ended = ProgramWithInputs()({"train", "cut.json"});
  CHECK(ended.code == 2);
  CHECK_THAT(ended.err, ContainsSubstring("arzoo: cut.json: line 1, column "));
}

TEST_CASE("fixture folders that are not there or empty are bad input") {
  const ProgramWithInputs arzoo;
  const auto absent = arzoo({"bench", "parity", "absent"});
  CHECK(absent.code == 3);
  CHECK_THAT(absent.err, ContainsSubstring("/absent: no such file or directory"));
  const auto narrow = arzoo({"bench", "parity", ARZOO_SOURCE_DIR "/tests/fixtures/icl", "--dtype", "bf16"});
  CHECK(narrow.code == 2);
  CHECK_THAT(narrow.err, ContainsSubstring("--dtype bf16: the official outputs are compared in fp32"));
  const auto empty = arzoo({"bench", "parity", "empty"});
  CHECK(empty.code == 3);
  CHECK(empty.err ==
        "arzoo: bench parity: empty: no fixture in or below this folder, expected a case.json\n");
}

TEST_CASE("a baseline's numbers belong to the configs' seeds, so another one is refused") {
  const auto ended =
      ProgramWithInputs()({"bench", "regress", "suite.json", "--baseline", "b.json", "--seed", "3"});
  CHECK(ended.code == 2);
  CHECK_THAT(ended.err,
             ContainsSubstring("bench regress: --seed 3: the baseline's numbers belong to the seeds"));
}

TEST_CASE("with --json an error is a document as well, also when the command line does not parse") {
  const ProgramWithInputs arzoo;
  const auto ended = arzoo({"train", "--json", "absent.json"});
  CHECK(ended.json()["error"]["message"] ==
        "absent.json: cannot be opened: No such file or directory (expected a JSON file)");
  CHECK(ended.json()["error"]["exit_code"] == 2);
  CHECK(arzoo({"trian", "--json"}).json()["error"]["exit_code"] == 2);
}

TEST_CASE("a stream has stdout to itself, so --json is refused") {
  const auto ended = ProgramWithInputs()({"forecast", "--model", "weights.pth", "--stream", "--json"});
  CHECK(ended.code == 2);
  CHECK(ended.err == "arzoo: forecast: --stream and --json cannot be given together\n");
}

TEST_CASE("a message of any length is cut to what can be read") {
  const auto ended =
      ProgramWithInputs()({"train", "config.json", "--set", "model." + std::string(50'000, 'x') + "=1"});
  CHECK(ended.code == 2);
  CHECK(ended.err.size() < 2100);
}

TEST_CASE("control characters of an argument do not reach the terminal") {
  const auto ended = ProgramWithInputs()({"train", "\x1b[2J\nabsent.json"});
  CHECK(ended.err.find('\x1b') == std::string::npos);
  CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
}
