#include "core/json_reader.h"

#include <algorithm>
#include <ctime>

#include "core/config.h"
#include "support/test.h"

using namespace arzoo;

namespace {

std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

std::string fault_of(const std::string& text, const JsonLimits& limits = {}) {
  const auto parsed = parse_json(text, limits);
  const auto* fault = std::get_if<JsonFault>(&parsed);
  return fault == nullptr ? "none" : fault->message;
}

/// {"k0":{"v":0},"k1":{"v":1},…}
std::string many_members(int count) {
  std::string text = "{";
  for (int i = 0; i < count; ++i) text += fmt::format("{}\"k{}\":{{\"v\":{}}}", i == 0 ? "" : ",", i, i);
  return text + "}";
}

/// Seconds of this thread's processor time.
template <class Work>
double seconds_of(Work work) {
  const auto start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

}  // namespace

TEST_CASE("values are read as they stand, members in their order") {
  const auto json = read_json<DataError>(
      R"( {"z": [1, -2, 3.5, 18446744073709551615], "a": {"\u00e9": null}, "m": "x\ny", "b": true} )",
      "a.json");
  CHECK(dump_json(json) == R"({"z":[1,-2,3.5,18446744073709551615],"a":{"é":null},"m":"x\ny","b":true})");
  CHECK(json["z"][1].is_number_integer());
  CHECK(json["z"][2].is_number_float());
  CHECK(try_read_json("7") == Json(7));
  CHECK_FALSE(try_read_json("7 8").has_value());
}

TEST_CASE("a text that is not strict JSON is named with its line and column") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {"", "line 1, column 1: not valid JSON"},
      {"{\"a\": 1,\n \"b\" 2}", "line 2, column 6: not valid JSON"},
      {"[1] x", "line 1, column 5: not valid JSON"},
      {"[NaN]", "line 1, column 2: not valid JSON"},
      {"[1,]", "line 1, column 4: not valid JSON"},
      {"\"\xE9\"", "not valid JSON"},
      {"{\"é\": tru}", "line 1, column 10: not valid JSON"},
      {"\n{\"a\": 1,\n\"a\": 2}",
       "line 3, column 3: the key \"a\" is given twice in one object (remove one)"},
      {"{\"a\": {\"b\": 1, \"b\": 1}}", "the key \"b\" is given twice"},
      {"[1,\n -1e999]", "line 2, column 2: the number -1e999 is larger than any double"},
  }));
  CHECK_THAT(fault_of(text), ContainsSubstring(message));
  CHECK_THROWS_WITH(read_json<DataError>(text, "a.json"), ContainsSubstring("a.json: "));
  CHECK_THROWS_AS(read_json<CheckpointError>(text, "a.json"), CheckpointError);
}

TEST_CASE("equal keys in different objects are no mistake") {
  CHECK(fault_of(R"([{"a": {"a": 1}}, {"a": 1}])") == "none");
}

TEST_CASE("what is deeper than the limit is refused before it is built") {
  CHECK(fault_of(nested(64)) == "none");
  CHECK(fault_of(nested(65)) == "line 1, column 65: nested deeper than 64 levels");
  CHECK_THAT(fault_of(std::string(400000, '[')), ContainsSubstring("nested deeper than 64 levels"));
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  CHECK_THAT(fault_of(objects), ContainsSubstring("nested deeper than 64 levels"));
}

TEST_CASE("size, strings and memory are limited") {
  JsonLimits limits;
  limits.bytes = 20;
  CHECK(fault_of("[1, 2]", limits) == "none");
  CHECK(fault_of("[1, 2, 3, 4, 5, 6, 7]", limits) == "21 bytes of JSON, expected at most 20");
  limits = {};
  limits.string_bytes = 3;
  CHECK(fault_of(R"({"abc": "def"})", limits) == "none");
  CHECK_THAT(fault_of(R"({"abcd": 1})", limits),
             ContainsSubstring("a string of 4 bytes, expected at most 3"));
  CHECK_THAT(fault_of(R"(["abcd"])", limits), ContainsSubstring("a string of 4 bytes"));
  limits = {};
  limits.memory_floor = 1000;
  std::string empty_objects = "[{}";
  for (int i = 0; i < 1000; ++i) empty_objects += ",{}";
  CHECK_THAT(fault_of(empty_objects + "]", limits), ContainsSubstring("far more memory than the text"));
  limits.memory_floor = 100000;
  CHECK(fault_of(empty_objects + "]", limits) == "none");
}

TEST_CASE("a value takes no more memory than is counted") {
  // What it needs at each moment: the room of a full list beside that of the grown one, an index of many
  // members.
  const auto least_memory = [](const std::string& text) {
    JsonLimits limits;
    limits.memory_per_byte = 0;
    std::size_t low = 0, high = std::size_t{1} << 30;
    while (low + 1 < high) {
      limits.memory_floor = (low + high) / 2;
      (try_read_json(text, limits) ? high : low) = limits.memory_floor;
    }
    return high;
  };
  std::string zeros = "[0";
  for (int i = 1; i < 1025; ++i) zeros += ",0";
  CHECK(least_memory(zeros + "]") == 32 + 16 * (1024 + 2048 + 1026));
  CHECK(least_memory("[" + zeros + "]," + zeros + "]]") == 3 * 32 + 16 * (2 + 1025 + 1024 + 2048 + 2053));
  CHECK(least_memory(R"({"a": "b"})") == 48 + 80 + 48 + 5 + 2 * 16);
  CHECK(least_memory(many_members(17)) > 17 * (48 + 80 + 80) + 17 * 64);
}

TEST_CASE(
    "rows of numbers can be read without a value of each, and what is no such row is read as any value") {
  struct Row {
    std::string list;
    std::size_t width;
    std::vector<double> numbers;  ///< of a list of rows
    bool found;
  };
  const auto row = GENERATE(values<Row>({
      {"[]", 2, {}, true},
      {"[[1, -2], [3.5, 1e2]]", 2, {1, -2, 3.5, 100}, true},
      {"[1, [2], 3]", 1, {1, 2, 3}, true},
      {"[1, 2]", 2, {}, false},
      {"[[1, 2, 3]]", 2, {}, false},
      {"[[1]]", 2, {}, false},
      {"[[1, [2]]]", 2, {}, false},
      {"[[1, null]]", 2, {}, false},
      {"[[1, 2], \"a\"]", 2, {}, false},
      {"[{}]", 1, {}, false},
      {"{\"v\": [1]}", 1, {}, false},
      {"1", 1, {}, false},
  }));
  const auto text = R"({"a": {"v": [0]}, "v": )" + row.list + R"(, "b": [7]})";
  CAPTURE(text);
  JsonRows rows{"v", row.width};
  const auto json = read_json<DataError>(text, "a.json", {}, &rows);
  CHECK(rows.found == row.found);
  CHECK(rows.numbers == row.numbers);
  auto expected = read_json<DataError>(text, "a.json");
  if (row.found) expected["v"] = nullptr;
  CHECK(json == expected);
}

TEST_CASE("100,000 members are read, found and walked through in linear time") {
  const auto taken = [](int members) {
    const auto text = many_members(members);
    return seconds_of([&] {
      const auto config = Config::parse(text, "a.json");
      std::size_t sum = 0;
      for (const auto& [key, value] : config.members()) {
        int64_t number = -1;
        value.at("v").read(number, {});
        config.at(key).at("v").read(number, {});
        sum += static_cast<std::size_t>(number);
      }
      const auto count = static_cast<std::size_t>(members);
      CHECK(sum == count * (count - 1) / 2);
      auto copy = config.json();
      for (int i = 0; i < members; ++i) copy[fmt::format("new{}", i)] = i;
      CHECK(copy.size() == 2 * count);
      CHECK(config.json().size() == count);
    });
  };
  // Ten times as many take ten times as long, however fast the machine; what is quadratic takes 100 times.
  const double few = std::min({taken(10'000), taken(10'000), taken(10'000)});
  CHECK(taken(100'000) < 40.0 * few);
}

TEST_CASE("an object keeps its order through changes, small or large") {
  const int count = GENERATE(3, 40);
  Json object = Json::object();
  for (int i = count; i-- > 0;) object[std::to_string(i)] = i;
  object["1"] = "one";
  object.erase("2");
  const Json copy = object;
  object.erase("0");
  object["0"] = "again";
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  CHECK(keys.size() == static_cast<std::size_t>(count - 1));
  CHECK(keys.front() == (count == 3 ? "1" : "39"));
  CHECK(keys.back() == "0");
  CHECK(object["1"] == "one");
  CHECK_FALSE(object.contains("2"));
  CHECK(copy["0"] == 0);
  CHECK(copy != object);
  Json moved = std::move(object);
  CHECK(moved.at("0") == "again");
  moved.clear();
  CHECK_FALSE(moved.contains("0"));
}

TEST_CASE("writing never fails: bytes that are no UTF-8 are replaced") {
  CHECK(dump_json(Json{{"a\xC3", "\xFF"}}) == "{\"a\uFFFD\":\"\uFFFD\"}");
  CHECK(dump_ascii_json(Json("é\xFF")) == "\"\\u00e9\\ufffd\"");
}
