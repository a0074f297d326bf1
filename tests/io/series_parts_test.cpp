#include "io/series_parts.h"

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;
using test::TempDir;

namespace {

/// `series` series of as many days as `rows`, one behind the other.
std::string long_text(int series, int rows, const std::string& header = "unique_id,ds,y\n") {
  std::string text = header;
  for (int s = 0; s < series; ++s) {
    for (int row = 0; row < rows; ++row)
      text += fmt::format("s{},2020-01-{:02},{}\n", s, row + 1, s * 100 + row);
  }
  return text;
}

std::vector<io::SeriesTable> all_parts(const std::filesystem::path& path, std::size_t bytes,
                                       int* parts = nullptr) {
  io::SeriesParts reader(path, {}, bytes);
  std::vector<io::SeriesTable> tables;
  while (auto part = reader.next()) {
    for (auto& table : part->tables) tables.push_back(std::move(table));
    if (parts != nullptr) ++*parts;
  }
  return tables;
}

}  // namespace

TEST_CASE("a long file in parts has the series, rows and lines of the whole") {
  const TempDir temp;
  const auto path = temp.write("long.csv", long_text(40, 9));
  const auto whole = io::read_series(path).tables;
  const auto bytes = GENERATE(as<std::size_t>(), 20, 64, 200, 1000, 100000);
  int count = 0;
  const auto parts = all_parts(path, bytes, &count);
  REQUIRE(parts.size() == whole.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CHECK(parts[i].unique_id == whole[i].unique_id);
    CHECK(parts[i].values == whole[i].values);
    CHECK(parts[i].stamps == whole[i].stamps);
    CHECK(parts[i].first_line == whole[i].first_line);
    CHECK(parts[i].source == whole[i].source);
  }
  CHECK((count > 1) == (bytes < 1001));
}

TEST_CASE("quoted names with line ends, CRLF and a file without a last line end survive the cuts") {
  const TempDir temp;
  std::string text = "\xEF\xBB\xBFunique_id,ds,y\r\n";
  for (const char* name : {"\"a\nb\"", "\"c,\"\"d\"", "e"}) {
    for (int day = 1; day < 8; ++day) text += fmt::format("{},2020-01-0{},{}\r\n", name, day, day);
  }
  text.resize(text.size() - 2);
  const auto path = temp.write("odd.csv", text);
  const auto whole = io::read_series(path).tables, parts = all_parts(path, 40);
  REQUIRE(parts.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(parts[i].unique_id == whole[i].unique_id);
    CHECK(parts[i].values == whole[i].values);
    CHECK(parts[i].first_line == whole[i].first_line);
  }
}

TEST_CASE("series whose rows lie apart, and dates that turn out otherwise, need the whole file") {
  const TempDir temp;
  const auto apart = temp.write("apart.csv", long_text(9, 9) + long_text(1, 9, ""));
  CHECK_THROWS_AS(all_parts(apart, 100), io::PartsDisagree);
  std::string dates = "unique_id,ds,y\n";
  for (int day = 1; day < 9; ++day) dates += fmt::format("a,0{}/01/2020,1\n", day);
  for (int day = 10; day < 19; ++day) dates += fmt::format("b,{}/01/2020,1\n", day);
  CHECK_THROWS_AS(all_parts(temp.write("dates.csv", dates), 100), io::PartsDisagree);
}

TEST_CASE("a file in the order of time needs to be whole, however little of it the first part shows") {
  const TempDir temp;
  std::string text = "unique_id,ds,y\n";
  for (int day = 1; day < 9; ++day) {
    for (int s = 0; s < 20; ++s) text += fmt::format("s{},2020-01-{:02},{}\n", s, day, s);
  }
  const auto path = temp.write("by_day.csv", text);
  const auto bytes = GENERATE(as<std::size_t>(), 100, 1000);  // a part of the first day, and days
  CHECK_THROWS_AS(all_parts(path, bytes), io::PartsDisagree);
}

TEST_CASE("the place in the file grows from part to part up to its end") {
  const TempDir temp;
  const auto path = temp.write("long.csv", long_text(40, 9));
  io::SeriesParts reader(path, {}, 200);
  CHECK(reader.place() == 0.0);
  double before = 0.0;
  while (reader.next()) {
    CHECK(reader.place() > before);
    before = reader.place();
  }
  CHECK(before == 1.0);
}

TEST_CASE("what cannot be cut is read whole: wide files, other delimiters, small files") {
  const TempDir temp;
  const auto text =
      GENERATE(as<std::string>(), "date,a\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3\n",
               "unique_id;ds;y\na;2020-01-01;1,5\na;2020-01-02;2\nb;2020-01-01;1\nb;2020-01-02;2\n");
  int count = 0;
  const auto tables = all_parts(temp.write("x.csv", text), 10, &count);
  CHECK(count == 1);
  CHECK(tables.size() == io::read_series(temp / "x.csv").tables.size());
}

TEST_CASE("an error in a later part names the file's line") {
  const TempDir temp;
  auto text = long_text(20, 9);
  text.replace(text.find("s15,2020-01-04"), 14, "s15,2020-01-99");
  CHECK_THROWS_WITH(all_parts(temp.write("bad.csv", text), 100),
                    ContainsSubstring("bad.csv:140: column \"ds\""));
}
