#include "io/arrow_plugin.h"

#include "core/error.h"
#include "core/text_file.h"
#include "io/csv.h"
#include "io/series_output.h"
#include "io/series_parts.h"
#include "io/series_table.h"
#include "support/test.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

/// Whether this build has the plug-in: an option that is off by default.
bool has_plugin() {
  try {
    io::arrow_plugin("x.parquet");
    return true;
  } catch (const DataError& error) {
    CHECK_THAT(error.what(), ContainsSubstring("x.parquet: needs the plug-in libarzoo_arrow.so"));
    CHECK_THAT(error.what(), ContainsSubstring("scripts/setup.sh --arrow"));
    return false;
  }
}

fs::path sample(const std::string& name) { return test::source_dir() / "tests/fixtures/arrow" / name; }

std::vector<std::string> column(const io::CsvTable& table, const std::string& name) {
  std::vector<std::string> cells;
  for (std::size_t row = 0; row < table.rows(); ++row) cells.emplace_back(table.cell(row, *table.find(name)));
  return cells;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("names tell the files of the plug-in") {
  CHECK(io::is_arrow_file("a/b.parquet"));
  CHECK(io::is_arrow_file("B.PARQUET"));
  CHECK(io::is_arrow_file("x.arrow"));
  CHECK(io::is_arrow_file("x.feather"));
  CHECK_FALSE(io::is_arrow_file("x.csv"));
  CHECK_FALSE(io::is_arrow_file("parquet"));
}

TEST_CASE("Parquet and Arrow files of pyarrow are tables of the same cells as in CSV") {
  if (!has_plugin()) return;
  const auto table = io::CsvTable::read(sample(GENERATE("types.parquet", "types.arrow")));
  // The clock in Berlin goes from +01:00 to +02:00 at 01:00 UTC.
  CHECK(column(table, "date") == Strings{"2021-03-28 01:30:00+01:00", "2021-03-28 03:00:00+02:00",
                                         "2021-03-28 03:30:00+02:00", "2021-03-28 04:00:00+02:00",
                                         "2021-03-28 04:30:00+02:00", "2021-03-28 05:00:00+02:00"});
  CHECK(column(table, "int") == Strings{"1", "", "-3", "4", "5", "6"});
  CHECK(column(table, "big")[0] == "9223372036854775808");
  CHECK(column(table, "float") == Strings{"0.1", "", "-1e+300", "3", "", "5"});
  CHECK(column(table, "half")[0] == "0.5");
  CHECK(column(table, "flag") == Strings{"1", "0", "", "1", "1", "0"});
  CHECK(column(table, "text") == Strings{"a,\"b\"", " pad", "x\ny", "", "", "é"});
  CHECK(column(table, "kind") == Strings{"u", "v", "u", "u", "", "v"});
  CHECK(column(table, "money") == Strings{"1.25", "-2.50", "", "3.00", "4.75", "0.05"});
  CHECK(column(table, "list")[0].starts_with("list<"));
  CHECK(column(table, "none") == Strings(6));
}

TEST_CASE("series are read from them, with their stamps and their zone") {
  if (!has_plugin()) return;
  io::SeriesReadOptions options;
  options.columns = {"half"};
  const auto zoned = io::read_series(sample("types.parquet"), options).tables.at(0);
  CHECK(to_string(zoned.frequency) == "30min");
  CHECK(zoned.date_format.format(zoned.stamps.front()) == "2021-03-28 02:30:00+02:00");
  CHECK(zoned.values == std::vector<double>{0.5, 1, 2, 3, 4, 5});
  const auto days = io::read_series(sample("days.feather")).tables.at(0);
  CHECK(days.frequency == io::Frequency{io::Frequency::Unit::month, 1, true});
  CHECK(days.date_format.format(days.stamps.back()) == "2020-03-31");
  const auto stream = io::read_series(sample("stream.arrow")).tables;
  REQUIRE(stream.size() == 2);
  CHECK(stream[1].unique_id == "b");
  CHECK(stream[1].date_format.format(stream[1].stamps[0]) == "1969-12-31 23:00:00");
  options.columns = {"list"};
  CHECK_THROWS_WITH(io::read_series(sample("types.parquet"), options),
                    ContainsSubstring("\"list<element: int64>\" is not a number"));
}

TEST_CASE("what is written is read again: texts, numbers, missing cells, stamps and their zone") {
  if (!has_plugin()) return;
  const TempDir temp;
  const auto path = temp / GENERATE("out.parquet", "out.arrow");
  using Kind = io::OutputColumn::Kind;
  const auto reading = io::DateFormat("Y-m-d H:Mz").read("1969-07-01 05:00+02:00");
  io::DateFormat zoned("Y-m-d H:Mz");
  zoned.adopt(*reading);
  {
    io::SeriesOutput out(path,
                         {{"unique_id", Kind::text}, {"ds", Kind::stamp}, {"cutoff", Kind::stamp}, {"y"}});
    for (int part = 0; part < 2; ++part) {
      io::CsvText csv;
      for (int row = 0; row < 2; ++row) {
        const io::Timestamp stamp{reading->stamp.seconds + (part * 2 + row) * 3600};
        csv.cell("a,\"b\"").cell(out.stamp(zoned, stamp)).cell(out.stamp(io::DateFormat(), stamp));
        csv.cell(row == 0 ? 0.1 : std::nan("")).end_row();
      }
      out.append(csv.text());
    }
    CHECK_FALSE(fs::exists(path));
    out.commit();
  }
  const auto table = io::CsvTable::read(path);
  CHECK(column(table, "unique_id") == Strings(4, "a,\"b\""));
  CHECK(column(table, "ds") == Strings{"1969-07-01 05:00:00+02:00", "1969-07-01 06:00:00+02:00",
                                       "1969-07-01 07:00:00+02:00", "1969-07-01 08:00:00+02:00"});
  CHECK(column(table, "cutoff")[3] == "1969-07-01 08:00:00");
  CHECK(column(table, "y") == Strings{"0.1", "", "0.1", ""});
}

TEST_CASE("a file of no rows has its columns all the same") {
  if (!has_plugin()) return;
  const TempDir temp;
  io::SeriesOutput out(temp / "none.parquet", {{"ds", io::OutputColumn::Kind::stamp}, {"y"}});
  out.commit();
  CHECK(io::CsvTable::read(temp / "none.parquet").column_names() == Strings{"ds", "y"});
}

TEST_CASE("a long table is read in parts of whole series") {
  if (!has_plugin()) return;
  const TempDir temp;
  const auto path = temp / GENERATE("long.parquet", "long.arrow");
  using Kind = io::OutputColumn::Kind;
  io::SeriesOutput out(path, {{"unique_id", Kind::text}, {"ds", Kind::stamp}, {"y"}});
  io::CsvText csv;
  for (int series = 0; series < 40; ++series) {
    for (int day = 0; day < 9; ++day) {
      csv.cell(fmt::format("s{}", series)).cell(out.stamp(io::DateFormat(), {day * std::int64_t{86400}}));
      csv.cell(static_cast<double>(series * 100 + day)).end_row();
    }
  }
  out.append(csv.text());
  out.commit();
  const auto whole = io::read_series(path).tables;
  REQUIRE(whole.size() == 40);
  std::size_t at = 0, parts = 0;
  io::SeriesParts reader(path, {}, 500);
  while (const auto part = reader.next()) {
    ++parts;
    for (const auto& table : part->tables) {
      CHECK(table.unique_id == whole.at(at).unique_id);
      CHECK(table.stamps == whole.at(at).stamps);
      CHECK(table.values == whole.at(at++).values);
      CHECK(table.date_format.format(table.stamps.back()) == "1970-01-09");
    }
  }
  CHECK(at == 40);
  CHECK(parts > 5);
}

TEST_CASE("broken and foreign files are errors that name them") {
  if (!has_plugin()) return;
  const TempDir temp;
  const auto refused = [&](const std::string& name, const std::string& bytes) {
    const auto path = temp.write(name, bytes);
    CHECK_THROWS_WITH(io::CsvTable::read(path), ContainsSubstring(path.string() + ": "));
    CHECK_THROWS_AS(io::CsvTable::read(path), DataError);
  };
  refused("text.parquet", "date,y\n2020-01-01,1\n");
  refused("empty.parquet", "");
  refused("short.arrow", "ARROW1");
  refused("footer.parquet", "PAR1" + std::string("\xFF\xFF\xFF\x7F", 4) + "PAR1");
  const auto whole = test::read_file(sample("types.parquet"));
  for (const auto size : {whole.size() / 2, whole.size() - 1, whole.size() - 8})
    refused("cut.parquet", whole.substr(0, size));
  CHECK_THROWS_AS(io::CsvTable::read(temp / "gone.parquet"), DataError);
}

TEST_CASE("a file with any byte changed is read or refused") {
  if (!has_plugin()) return;
  const TempDir temp;
  const std::string name = GENERATE("types.parquet", "types.arrow", "days.feather", "stream.arrow");
  const auto whole = test::read_file(sample(name));
  const auto step = std::max<std::size_t>(1, whole.size() / 400);
  for (std::size_t at = 0; at < whole.size(); at += step) {
    for (const char byte : {'\0', '\x7f', '\xff'}) {
      auto changed = whole;
      changed[at] = byte;
      const auto path = temp.write("changed" + fs::path(name).extension().string(), changed);
      try {
        (void)io::CsvTable::read(path);
      } catch (const DataError&) {
      }
    }
  }
}
