#include "forecast/data/covariates.h"
#include "io/csv.h"
#include "support/series.h"

using namespace arzoo;
using forecast::FutureOptions;
using test::hourly_table;

namespace {

/// Two hourly series whose last row is 2020-01-01 09:00.
std::vector<io::SeriesTable> two_series() {
  std::vector<io::SeriesTable> tables{hourly_table(10, {"y", "price"}), hourly_table(10, {"y", "price"})};
  tables[0].unique_id = "north";
  tables[1].unique_id = "south";
  return tables;
}

FutureOptions price_and_weather() {
  return {{"price", "weather"},
          std::make_shared<const std::vector<io::CategoryColumn>>(
              std::vector<io::CategoryColumn>{{"weather", {"rain", "sun"}}}),
          "",
          ""};
}

std::vector<forecast::KnownAhead> read_text(const std::string& text, const FutureOptions& options,
                                            const std::vector<io::SeriesTable>& tables, int64_t horizon = 2) {
  std::vector<std::string> notes;
  return forecast::read_future(io::CsvTable::parse(text, "future.csv"), options, tables, horizon, notes);
}

const std::string kHeader = "unique_id,ds,price,weather\n";
const std::string kNorth = "north,2020-01-01 10:00:00,1,sun\nnorth,2020-01-01 11:00:00,2,rain\n";
const std::string kSouth = "south,2020-01-01 10:00:00,3,\nsouth,2020-01-01 11:00:00,4,hail\n";

}  // namespace

TEST_CASE("a long table of the future is told apart by series, its rows and columns in any order") {
  const auto text = GENERATE(
      kHeader + kNorth + kSouth, kHeader + kSouth + kNorth,
      std::string(
          "weather,ds,unique_id,price\nrain,2020-01-01 11:00:00,north,2\nhail,2020-01-01 11:00:00,south,4\n"
          ",2020-01-01 10:00:00,south,3\nsun,2020-01-01 10:00:00,north,1\n"));
  const auto known = read_text(text, price_and_weather(), two_series());
  REQUIRE(known.size() == 2);
  CHECK((known[0].stamps == std::vector<io::Timestamp>{test::hour_stamp(10), test::hour_stamp(11)}));
  CHECK(known[0].values == std::vector<double>{1, 1, 2, 0});
  CHECK(known[1].values == std::vector<double>{3, 2, 4, -1});
}

TEST_CASE("a wide table of the future belongs to the only series") {
  auto tables = two_series();
  tables.pop_back();
  const FutureOptions options{{"price"}, {}, "", ""};
  const auto known = read_text("date,price\n2020-01-01 10:00,1.5\n2020-01-01 11:00,2.5\n", options, tables);
  CHECK(known.at(0).values == std::vector<double>{1.5, 2.5});
}

TEST_CASE("a stamp of another zone is that moment on the history's clock") {
  auto tables = two_series();
  tables.pop_back();
  tables[0].date_format = io::DateFormat("Y-m-dTH:M:Sz");
  tables[0].date_format.adopt(*tables[0].date_format.read("2020-01-01T09:00:00+01:00"));
  const FutureOptions options{{"price"}, {}, "", ""};
  const auto known =
      read_text("date,price\n2020-01-01T09:00:00Z,1\n2020-01-01T10:00:00Z,2\n2020-01-01T14:00:00+03:00,3\n",
                options, tables, 3);
  CHECK(known.at(0).values == std::vector<double>{1, 2, 3});
}

TEST_CASE("a table of the future that does not fit is refused with series and stamp") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {kHeader + kNorth + "south,2020-01-01 10:00:00,3,sun\n",
       "future.csv: series \"south\": no row for 2020-01-01 11:00:00, expected one for each of the 2 steps, "
       "2020-01-01 10:00:00 to 2020-01-01 11:00:00"},
      {kHeader + kNorth,
       "future.csv: series \"south\": no row for 2020-01-01 10:00:00, expected one for each of "
       "the 2 steps, 2020-01-01 10:00:00 to 2020-01-01 11:00:00"},
      {kHeader + kNorth + "south,2020-01-01 11:00:00,3,sun\nsouth,2020-01-01 12:00:00,3,sun\n",
       "future.csv: series \"south\": no row for 2020-01-01 10:00:00, expected one for each of the 2 steps, "
       "2020-01-01 10:00:00 to 2020-01-01 11:00:00"},
      {kHeader + kNorth + kSouth + "south,2020-01-01 12:00:00,3,sun\n",
       "future.csv:6: series \"south\": 2020-01-01 12:00:00 is none of the 2 steps, 2020-01-01 10:00:00 to "
       "2020-01-01 11:00:00 (leave such rows out, or give --horizon)"},
      {kHeader + "north,2020-01-01 09:00:00,1,sun\n" + kNorth + kSouth,
       "future.csv:2: series \"north\": 2020-01-01 09:00:00 is none of the 2 steps, 2020-01-01 10:00:00 to "
       "2020-01-01 11:00:00 (leave such rows out, or give --horizon)"},
      {kHeader + kNorth + kSouth + "north,2020-01-01 10:30:00,1,sun\n",
       "future.csv:6: series \"north\": 2020-01-01 10:30:00 is none of the 2 steps, 2020-01-01 10:00:00 to "
       "2020-01-01 11:00:00 (leave such rows out, or give --horizon)"},
      {kHeader + kNorth + kSouth + "north,2020-01-01 10:00:00,1,sun\n",
       "future.csv:6: series \"north\": 2020-01-01 10:00:00 stands twice"},
      {kHeader + kNorth + kSouth + "west,2020-01-01 10:00:00,1,sun\n",
       "future.csv:6: series \"west\" is in no --input, expected only series that are forecast"},
      {kHeader + kNorth + "south,2020-01-01 10:00:00,,sun\nsouth,2020-01-01 11:00:00,4,sun\n",
       "future.csv:4: series \"south\": 2020-01-01 10:00:00: column \"price\" is empty, expected a number "
       "for "
       "each step ahead"},
      {kHeader + kNorth + "south,2020-01-01 10:00:00,cheap,sun\nsouth,2020-01-01 11:00:00,4,sun\n",
       "future.csv:4: column \"price\": \"cheap\" is not a number"},
      {"unique_id,ds,price\nnorth,2020-01-01 10:00:00,1\n",
       "future.csv:1: no column \"weather\", the columns are \"unique_id\", \"ds\", \"price\""},
      {"unique_id,ds,price,whether\nnorth,2020-01-01 10:00:00,1,sun\n",
       "future.csv:1: no column \"weather\" (did you mean \"whether\"?)"},
      {"unique_id,ds,price,weather,y\nnorth,2020-01-01 10:00:00,1,sun,3\n",
       "future.csv:1: column \"y\" is no covariate known ahead, these are \"price\", \"weather\" (leave the "
       "column "
       "out)"},
      {"unique_id,ds,price,weather,prices\nnorth,2020-01-01 10:00:00,1,sun,3\n",
       "future.csv:1: column \"prices\" is no covariate known ahead (did you mean \"price\"?), these are "
       "\"price\", \"weather\" (leave the column out)"},
      {"ds,price,weather\n2020-01-01 10:00:00,1,sun\n",
       "future.csv:1: no column names the series, expected one: there are 2 series to forecast (unique_id, "
       "or "
       "what --id says)"},
      {kHeader + "north,soon,1,sun\n", "future.csv:2: column \"ds\": …"},
  }));
  INFO(text);
  std::string found;
  try {
    read_text(text, price_and_weather(), two_series());
  } catch (const DataError& error) {
    found = error.what();
  }
  const auto open = message.find("…");
  CHECK(found.substr(0, open) == message.substr(0, open));
}
