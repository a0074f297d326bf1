#include "plan/stream_request.h"

#include "support/test.h"

using namespace arzoo;
using plan::StreamRequest;

TEST_CASE("a line of the stream is read without a model") {
  StreamRequest request(R"({"id": [7], "ds": ["2020", "2021"], "values": [[1, 2], [3, 4.5]], "horizon": 3})",
                        2);
  CHECK(request.take_id() == Json({7}));
  CHECK(request.horizon(9) == 3);
  CHECK(request.take_values() == std::vector<double>{1, 2, 3, 4.5});
  CHECK(request.last_stamp(2)->text() == "2021");
  StreamRequest least(R"({"values": [1, [2]], "ds": "2020"})", 1);
  CHECK(least.take_id() == std::nullopt);
  CHECK(least.horizon(9) == 9);
  CHECK(least.take_values() == std::vector<double>{1, 2});
  CHECK(least.last_stamp(2)->text() == "2020");
}

TEST_CASE("a line that is no request is refused with its place") {
  std::string accents;
  for (int i = 0; i < 100; ++i) accents += "é";
  const auto [line, message] = GENERATE_COPY(table<std::string, std::string>({
      {"{", "stdin: line 1, column 2: not valid JSON"},
      {"[]", "stdin: expected an object at the top, got []"},
      {R"({"value": []})", "stdin: /value: unknown key (did you mean \"values\"?)"},
      {"{\"values\":\"x" + accents + "\"}", "stdin: /values: expected a list, got \"xéé"},
      {R"({"values": [[1], [1, 2]]})", "stdin: /values/0: expected 2 numbers, one per variate, got 1"},
      {R"({"values": [[1, 2], [1, null]]})", "stdin: /values/1/1: expected a number, got null"},
      {R"({"values": [[1, 2]], "ds": ["a", "b"]})", "stdin: /ds: expected one stamp, or one per row (1)"},
      {"{\"values\":" + std::string(100000, '['), "stdin: line 1, column 74: nested deeper than 64 levels"},
  }));
  const auto read = [&text = line] {
    StreamRequest request(text, 2);
    request.last_stamp(request.take_values().size() / 2);
  };
  CHECK_THROWS_AS(read(), ConfigError);
  CHECK_THROWS_WITH(read(), ContainsSubstring(message));
}
