#include "core/config.h"

#include "support/test.h"

using namespace arzoo;

namespace {

struct Inner {
  double share = 0.5;
  static void fields(auto& o, auto& field) { field("share", o.share, between(0, 1), "a share"); }
};

struct Options {
  int64_t width = 8;
  double rate = 0.1;
  bool on = true;
  std::string kind = "slow";
  std::vector<int64_t> sizes = {1, 2};
  std::optional<int64_t> limit;
  Inner inner;

  static void fields(auto& o, auto& field) {
    field("width", o.width, at_least(1), "width of the thing");
    field("rate", o.rate, more_than(0), "rate");
    field("on", o.on, {}, "switch");
    field("kind", o.kind, one_of({"slow", "fast"}), "kind");
    field("sizes", o.sizes, nonempty(at_least(1)), "sizes");
    field("limit", o.limit, at_least(1), "limit, null for none");
    field("inner", o.inner, {}, "nested");
  }
  void check() const { require(width != 13, "width must not be {}", width); }
};

std::string config_error(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    Config::parse(text, "a.json", overrides).as<Options>();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("an options struct is read with its defaults") {
  const auto options =
      Config::parse(R"({"width": 3, "inner": {"share": 1}, "limit": 4})", "a.json").as<Options>();
  CHECK(options.width == 3);
  CHECK(options.rate == 0.1);
  CHECK(options.inner.share == 1.0);
  CHECK(options.limit == 4);
}

TEST_CASE("what is written is read back equal") {
  Options options;
  options.rate = 0.1234567890123456789;
  options.sizes = {3, 4, 5};
  const auto json = to_json(options);
  const auto again = to_json(Config(json, "b.json").as<Options>());
  CHECK(json == again);
  CHECK(json.contains("limit"));
}

TEST_CASE("a mistake is named by file, pointer and expectation") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {R"({"widht": 3})", R"(a.json: /widht: unknown key (did you mean "width"?))"},
      {R"({"inner": {"shares": 1}})", R"(a.json: /inner/shares: unknown key (did you mean "share"?))"},
      {R"({"width": 2.7})", "a.json: /width: expected an integer >= 1, got 2.7"},
      {R"({"width": -1})", "a.json: /width: expected an integer >= 1, got -1"},
      {R"({"width": 18446744073709551615})",
       "a.json: /width: expected an integer >= 1, got 18446744073709551615"},
      {R"({"width": "3"})", R"(a.json: /width: expected an integer >= 1, got "3")"},
      {R"({"rate": 0})", "a.json: /rate: expected a number > 0, got 0"},
      {R"({"on": 1})", "a.json: /on: expected true or false, got 1"},
      {R"({"kind": "fats"})",
       R"(a.json: /kind: expected one of "slow", "fast", got "fats" (did you mean "fast"?))"},
      {R"({"sizes": []})", "a.json: /sizes: expected a list of at least 1, got []"},
      {R"({"sizes": [1, 0]})", "a.json: /sizes/1: expected an integer >= 1, got 0"},
      {R"({"inner": 3})", "a.json: /inner: expected an object, got 3"},
      {R"({"inner": {"share": 1.5}})", "a.json: /inner/share: expected a number in [0, 1], got 1.5"},
      {R"({"width": 13})", "a.json: /: width must not be 13"},
      {R"({"width": 1, "width": 2})",
       R"(a.json: line 1, column 20: the key "width" is given twice in one object (remove one))"},
      {"{\"width\": 1,\n \"rate\" 2}",
       "a.json: line 2, column 9: not valid JSON (a missing comma, quote or bracket, or a comment?)"},
      {"{\n  \"epochs\": -5e905}", "a.json: line 2, column 13: the number -5e905 is larger than any double"},
      {"[1]", "a.json: expected an object at the top, got [1]"},
  }));
  CHECK(config_error(text) == message);
}

TEST_CASE("--set replaces and adds values before the checks") {
  const auto options =
      Config::parse(R"({"width": 3})", "a.json", {"width=5", "inner.share=0.25", "kind=fast", "sizes=[7]"})
          .as<Options>();
  CHECK(options.width == 5);
  CHECK(options.inner.share == 0.25);
  CHECK(options.kind == "fast");
  CHECK(options.sizes == std::vector<int64_t>{7});
  CHECK(config_error("{}", {"widht=5"}) == R"(a.json: /widht: unknown key (did you mean "width"?))");
  CHECK_THAT(config_error("{}", {"width"}), ContainsSubstring("expected KEY.KEY=VALUE"));
  CHECK_THAT(config_error(R"({"width": 3})", {"width.x=1"}),
             ContainsSubstring("lies below a value that is no object"));
}

TEST_CASE("a --set of many levels, in its key or its value, is refused") {
  std::string levels = "a";
  for (int i = 1; i < 60000; ++i) levels += ".a";
  CHECK_THROWS_AS(Config::parse("{}", "a.json", {levels + "=1"}), UsageError);
  const auto message = config_error("{}", {levels + "=1"});
  CHECK_THAT(message, ContainsSubstring("60000 keys within one another, expected fewer than 64"));
  CHECK(message.size() < 200);
  CHECK_THROWS_AS(Config::parse("{}", "a.json", {"a=" + std::string(100000, '[')}), UsageError);
  CHECK_THAT(config_error("{}", {"a.b=" + std::string(63, '[') + std::string(63, ']')}),
             ContainsSubstring("--set a.b=[[[[[["));
  CHECK_NOTHROW(Config::parse("{}", "a.json", {"a.b=" + std::string(62, '[') + std::string(62, ']')}));
  CHECK(Config::parse("{}", "a.json", {"a=[1,"}).text("a") == "[1,");
}

TEST_CASE("a value is shown shortened, never cut inside a character") {
  std::string long_text;
  for (int i = 0; i < 100; ++i) long_text += "é";
  const auto message = config_error("{\"width\": \"x" + long_text + "\"}");
  CHECK_THAT(message, ContainsSubstring("got \"xéé"));
  CHECK(message.ends_with("é…"));
  CHECK(message.size() < 200);
}

TEST_CASE("bottomless nesting is refused") {
  const std::string deep(100000, '[');
  CHECK_THAT(config_error("{\"sizes\": " + deep), ContainsSubstring("nested deeper than"));
}

TEST_CASE("the JSON Schema says what the reader checks") {
  const auto schema = json_schema(describe<Options>());
  CHECK(schema["additionalProperties"] == false);
  CHECK(schema["properties"]["width"]["minimum"] == 1);
  CHECK(schema["properties"]["rate"]["exclusiveMinimum"] == 0);
  CHECK(schema["properties"]["kind"]["enum"] == Json({"slow", "fast"}));
  CHECK(schema["properties"]["sizes"]["items"]["minimum"] == 1);
  CHECK(schema["properties"]["limit"]["type"] == Json({"integer", "null"}));
  CHECK(schema["properties"]["inner"]["properties"]["share"]["maximum"] == 1);
}
