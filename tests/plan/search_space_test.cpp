#include "plan/search_space.h"

#include <set>

#include "support/test.h"

using namespace arzoo;
using plan::SearchSpace;

namespace {

SearchSpace space_of(const std::string& text, const std::string& model = "itransformer") {
  return {Config::parse(text, "space.json"), registry::find_model(Config(model, "config.json"))};
}

}  // namespace

TEST_CASE("a draw has one of the choices of a list and lies within a range") {
  const auto space = space_of(R"({"model.d_model": [32, 64], "model.e_layers": {"low": 1, "high": 3},
      "model.dropout": {"low": 0.1, "high": 0.3, "step": 0.1}, "data.seq_len": {"low": 16, "high": 48, "step": 16},
      "training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": true}})");
  std::map<std::string, std::set<Json>> seen;
  int below = 0;
  for (int64_t draw = 1; draw <= 400; ++draw) {
    const auto values = space.draw(1, draw);
    for (const char* key : {"model.d_model", "model.e_layers", "model.dropout", "data.seq_len"})
      seen[key].insert(values.at(key));
    CHECK(values.at("model.e_layers").is_number_integer());
    const auto rate = values.at("training.learning_rate").get<double>();
    CHECK(rate >= 1e-4);
    CHECK(rate <= 1e-2);
    below += rate < 1e-3 ? 1 : 0;
  }
  CHECK(seen["model.d_model"] == std::set<Json>{32, 64});
  CHECK(seen["model.e_layers"] == std::set<Json>{1, 2, 3});
  CHECK(seen["data.seq_len"] == std::set<Json>{16, 32, 48});
  REQUIRE(seen["model.dropout"].size() == 3);
  CHECK(seen["model.dropout"].begin()->get<double>() == Approx(0.1));
  CHECK(seen["model.dropout"].rbegin()->get<double>() == Approx(0.3));
  CHECK(below == Approx(200).margin(40));  // half of them lie below the middle of the logarithms
}

TEST_CASE("a draw is a function of the seed and its number") {
  const auto space = space_of(R"({"training.learning_rate": {"low": 1e-4, "high": 1e-2}})");
  CHECK(space.draw(1, 5) == space.draw(1, 5));
  CHECK(space.draw(1, 5) != space.draw(1, 6));
  CHECK(space.draw(1, 5) != space.draw(2, 5));
}

TEST_CASE("a space that cannot be searched is refused with its place") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {"{}", "space.json: /: expected at least one key to search"},
      {R"({"model.d_modle": [1]})",
       "space.json: /model.d_modle: no such key in a config of itransformer (did you mean "
       "\"model.d_model\"?)"},
      {R"({"d_model": [1]})", "space.json: /d_model: no such key"},
      {R"({"model.name": ["dlinear"]})", "space.json: /model.name: no such key"},
      {R"({"training.epochs": [1, 2]})", "space.json: /training.epochs: the search itself decides how long"},
      {R"({"model.d_model": []})", "space.json: /model.d_model: expected at least one value, got []"},
      {R"({"model.d_model": 8})", "space.json: /model.d_model: expected a list of values or a range"},
      {R"({"model.d_model": [8, 8.5]})", "space.json: /model.d_model/1: expected an integer >= 1, got 8.5"},
      {R"({"model.d_model": {"low": 0, "high": 8}})",
       "space.json: /model.d_model/low: expected an integer >= 1"},
      {R"({"model.d_model": {"low": 8, "high": 8}})",
       "space.json: /model.d_model: low (8) must be less than high"},
      {R"({"model.d_model": {"low": 8, "hgih": 9}})", "unknown key (did you mean \"high\"?)"},
      {R"({"model.dropout": {"low": 0, "high": 0.5, "log": true}})", "must begin above 0, got 0"},
      {R"({"model.dropout": {"low": 0, "high": 2}})", "space.json: /model.dropout/high: expected a number"},
      {R"({"training.lradj": {"low": 0, "high": 2}})", "a field of type string has no range"},
      {R"({"training.lradj": ["type1", "typo"]})", "space.json: /training.lradj/1: expected one of"},
  }));
  CHECK_THROWS_AS(space_of(text), ConfigError);
  CHECK_THROWS_WITH(space_of(text), ContainsSubstring(message));
}

TEST_CASE("the committed spaces are those of the models that they are called after") {
  int spaces = 0;
  for (const auto& file : std::filesystem::directory_iterator(test::source_dir() / "configs/search")) {
    const auto model = file.path().stem().string();
    INFO(model);
    CHECK_NOTHROW(
        SearchSpace(Config::load(file.path()), registry::find_model(Config(model, file.path().string()))));
    ++spaces;
  }
  CHECK(spaces > 0);
}
