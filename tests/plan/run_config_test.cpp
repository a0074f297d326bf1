#include "plan/run_config.h"

#include "support/test.h"

using namespace arzoo;

namespace {

Json resolved(const std::string& model, int64_t timeenc) {
  Json config = Json::parse(R"({"data": {"path": "any.csv"}})");
  config["model"] = Json::parse(model);
  config["data"]["timeenc"] = timeenc;
  return plan::resolve_run_config(Config(config, "run.json"), ".");
}

}  // namespace

TEST_CASE("calendar features of the wrong kind for the model are a config error that says which is right") {
  const auto [model, timeenc, fits] = GENERATE(table<std::string, int64_t, bool>({
      {R"({"name": "autoformer"})", 1, true},
      {R"({"name": "autoformer"})", 0, false},
      {R"({"name": "informer", "embed": "fixed"})", 0, true},
      {R"({"name": "informer", "embed": "learned"})", 1, false},
      {R"({"name": "itransformer"})", 0, true},
  }));
  INFO(model << " " << timeenc);
  if (fits) {
    CHECK_NOTHROW(resolved(model, timeenc));
  } else {
    CHECK_THROWS_WITH(resolved(model, timeenc),
                      ContainsSubstring("run.json: /data/timeenc: ") &&
                          ContainsSubstring(fmt::format("expected {}", 1 - timeenc)));
  }
}

TEST_CASE("the files that a run reads are those of its data, its model and its start, not words") {
  const test::TempDir temp;
  temp.write("text.txt", "In the beginning");
  temp.write("base/config.json", "{}");
  const auto paths_of = [&](const Json& model, const Json& data) {
    const Json config{{"model", model}, {"data", data}};
    std::vector<std::string> names;
    for (const auto& path :
         plan::input_paths(plan::resolve_run_config(Config(config, "run.json"), temp.path()))) {
      if (!path.empty()) names.push_back(path.string());
    }
    return names;
  };
  const auto text = (temp / "text.txt").string(), base = (temp / "base").string();
  CHECK(paths_of({{"name", "decoder_lm"}}, {{"path", "text.txt"}}) == std::vector<std::string>{text});
  CHECK(paths_of({{"name", "decoder_lm"}}, {{"path", "text.txt"}, {"tokenizer", "gone.json"}}) ==
        std::vector<std::string>{text, "gone.json"});
  CHECK(paths_of({{"name", "dsformer_lm"}, {"from", "base"}}, {{"path", "text.txt"}}) ==
        std::vector<std::string>{base, text});
}
