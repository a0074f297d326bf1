#include "cli/refusal.h"

using namespace arzoo;
using namespace arzoo::test;

namespace {

struct BadConfig {
  std::string text, message;
};

/// kTinyConfig with one piece of text replaced.
std::string with(const std::string& piece, const std::string& other) {
  std::string text = kTinyConfig;
  return text.replace(text.find(piece), piece.size(), other);
}

std::vector<BadConfig> bad_configs() {
  return {
      {"", "bad.json: line 1, column 1: not valid JSON…"},
      {"[1]", "bad.json: expected an object at the top, got [1]"},
      {"{\"model\": {\"name\": \"itransformer\"}, // a comment\n}",
       "bad.json: line 1, column 37: not valid JSON…"},
      {"{\"seed\": 1, \"seed\": 2}",
       R"(bad.json: line 1, column 18: the key "seed" is given twice in one object (remove one))"},
      {std::string(1000, '[') + std::string(1000, ']'),
       "bad.json: line 1, column 65: nested deeper than 64 levels"},
      {"{\"model\": \"\xE9\"}", "bad.json: line 1, column…"},
      {R"({"model": {"name": "itransformer"}})", R"(bad.json: /: the key "data" is missing)"},
      {with(R"("seed")", R"("sede")"), R"(bad.json: /sede: unknown key (did you mean "seed"?))"},
      {with("d_model", "d_modle"), R"(bad.json: /model/d_modle: unknown key (did you mean "d_model"?))"},
      {with("\"pred_len\"", "\"horizon\""), "bad.json: /data/horizon: unknown key…"},
      {with("itransformer", "itransfomer"),
       R"(bad.json: /model/name: no model is called "itransfomer" (did you mean "itransformer"?))"},
      {with("\"d_model\": 16", "\"d_model\": \"16\""),
       R"(bad.json: /model/d_model: expected an integer >= 1, got "16")"},
      {with("\"d_model\": 16", "\"d_model\": 16.5"),
       "bad.json: /model/d_model: expected an integer >= 1, got 16.5"},
      {with("\"epochs\": 1", "\"epochs\": true"),
       "bad.json: /training/epochs: expected an integer in [1, 1000000], got true"},
      {with("\"pred_len\": 4", "\"pred_len\": -3"),
       "bad.json: /data/pred_len: expected an integer in [1, 10000000], got -3"},
      {with("\"label_len\": 6", "\"label_len\": 13"),
       "bad.json: /data: label_len (13) must not exceed seq_len (12)"},
      {with("\"seq_len\": 12", "\"freq\": \"hourly\""),
       R"(bad.json: /data: "hourly" is not a frequency, expected s, min, h, D, B, W, M, Q or Y, perhaps after a )"
       "multiple as in 15min"},
      {with("\"seq_len\": 12", "\"seq_len\": 9223372036854775807"),
       "bad.json: /data/seq_len: expected an integer in [1, 10000000], got 9223372036854775807"},
      {with("\"epochs\": 1", "\"epochs\": 9223372036854775807"),
       "bad.json: /training/epochs: expected an integer in [1, 1000000], got 9223372036854775807"},
  };
}

}  // namespace

TEST_CASE("a config that cannot be used is named with the place, before LibTorch is opened") {
  const Program arzoo(Library::none);
  for (const auto& bad : bad_configs()) {
    arzoo.write("bad.json", bad.text);
    check_refused(arzoo, {"train", "bad.json"}, 2, bad.message);
    check_refused(arzoo, {"train", "bad.json", "--dry-run"}, 2, bad.message);
  }
}

TEST_CASE("a horizon is a positive number of steps") {
  const Program arzoo(Library::none);
  const auto horizon = GENERATE(as<std::string>{}, "-3", "0", "1e3", "1000001", "ten", "");
  check_refused(arzoo, {"forecast", "--model", "run", "--horizon", horizon}, 2,
                "forecast: --horizon: expected an integer from 1 to 1000000, got \"" + horizon + "\"");
}

TEST_CASE("a frequency on the command line is checked at once") {
  check_refused(
      Program(Library::none), {"forecast", "--model", "run", "--freq", "hourly"}, 2,
      R"(forecast: --freq: "hourly" is not a frequency, expected s, min, h, D, B, W, M, Q or Y, perhaps )"
      "after a multiple as in 15min");
}

TEST_CASE("a model that memory cannot hold is refused before it is made") {
  const TrainedProgram arzoo;
  const auto [key, value, message] = GENERATE(table<std::string, std::string, std::string>({
      {"d_model", "1000000000000", "config.json: /model: asks for at least…"},
      {"d_ff", "1000000000000", "config.json: /model: asks for at least…"},
      {"d_model", "4611686018427387904", "config.json: /model: cannot be built (choose smaller sizes): …"},
      {"e_layers", "1000000000000",
       "config.json: /model/e_layers: expected an integer in [1, 1024], got 1000000000000"},
  }));
  const auto change = "model." + key + "=" + value;
  check_refused(arzoo, {"train", "config.json", "--set", change, "--out", "new", "--quiet"}, 2, message);
  CHECK_FALSE(fs::exists(arzoo.files() / "new"));
}

TEST_CASE("a dry run finds a model that memory cannot hold as well") {
  const TrainedProgram arzoo;
  const auto ended =
      arzoo({"train", "config.json", "--set", "model.d_model=1000000000000", "--dry-run", "--json"});
  CHECK(ended.code == 2);
  CHECK_THAT(ended.json()["error"]["message"].get<std::string>(),
             ContainsSubstring("config.json: /model: asks for at least"));
}

TEST_CASE("a checkpoint's config cannot ask for more memory than there is") {
  const TrainedProgram arzoo;
  arzoo.write("out.csv", "an older forecast\n");
  const auto config = arzoo.files() / "run/model/config.json";
  const auto right = nlohmann::json::parse(read_file(config));
  const auto [pointer, value, code, message] = GENERATE_COPY(table<std::string, int64_t, int, std::string>({
      {"/model/d_model", 1'000'000'000'000, 2, "run/model/config.json: /model: asks for more than…"},
      {"/model/d_model", 8, 3, "run/model: does not fit the model: …"},
      {"/shape/seq_len", 1'000'000'000'000, 2,
       "run/model/config.json: /shape/seq_len: expected an integer in [1, 10000000], got 1000000000000"},
      {"/shape/enc_in", 1'000'000'000'000, 2,
       "run/model/config.json: /shape/enc_in: expected an integer in [1, 1000000], got 1000000000000"},
      {"/shape/enc_in", 3, 2, "run/model/config.json: /variates: expected enc_in = 3 names, got 2"},
  }));
  nlohmann::json wrong = right;
  wrong[nlohmann::json::json_pointer(pointer)] = value;
  std::ofstream(config) << wrong.dump();
  check_refused(arzoo, {"forecast", "--model", "run", "--input", "series.csv", "--output", "out.csv"}, code,
                message);
}

TEST_CASE("a model is made by its own command") {
  const Program arzoo(Library::none);
  arzoo.write("config.json", kTinyConfig);
  check_refused(arzoo, {"distill", "config.json"}, 2,
                "config.json: /model/name: itransformer is made by another command: arzoo train");
  arzoo.write("student.json", R"({"model": {"name": "dd1_var"}, "data": {"teacher": "var"}})");
  check_refused(arzoo, {"train", "student.json"}, 2,
                "student.json: /model/name: dd1_var is made by another command: arzoo distill");
  arzoo.write("student.json",
              R"({"model": {"name": "dd2_var", "second_step": 10}, "data": {"teacher": "var"}})");
  check_refused(
      arzoo, {"distill", "student.json"}, 2,
      "student.json: /model: second_step (10) must leave a scale to be generated again, there are 10");
}
