#include "core/line_reader.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("a line that is too long is passed over and the next one read") {
  std::istringstream in("ab\n\nabcd\nabcde" + std::string(100000, 'x') + "\nlast");
  std::string line;
  const auto read = [&] { return next_line(in, line, 4); };
  CHECK(read() == LineRead::whole);
  CHECK(line == "ab");
  CHECK(read() == LineRead::whole);
  CHECK(line.empty());
  CHECK(read() == LineRead::whole);
  CHECK(line == "abcd");
  CHECK(read() == LineRead::too_long);
  CHECK(line.empty());
  CHECK_FALSE(in.eof());
  CHECK(read() == LineRead::whole);
  CHECK(line == "last");
  CHECK(in.eof());
  CHECK(read() == LineRead::end);
}

TEST_CASE("an input without lines ends at once") {
  std::istringstream in;
  std::string line = "old";
  CHECK(next_line(in, line, 4) == LineRead::end);
  CHECK(line.empty());
}
