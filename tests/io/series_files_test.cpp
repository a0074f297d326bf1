#include "io/series_files.h"

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> names(const std::vector<fs::path>& files) {
  std::vector<std::string> all;
  for (const auto& file : files) all.push_back(file.filename().string());
  return all;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a folder stands for its files of series, a pattern for the files that match it") {
  const TempDir temp;
  for (const char* name : {"b.csv", "a.csv", "c.CSV", "d.csv.gz", "e.parquet", "notes.txt", "f.arrow"})
    temp.write(name, "x");
  fs::create_directory(temp / "g.csv");
  CHECK(names(io::series_files(temp.path())) ==
        Names{"a.csv", "b.csv", "c.CSV", "d.csv.gz", "e.parquet", "f.arrow"});
  CHECK(names(io::series_files(temp / "*.csv")) == Names{"a.csv", "b.csv"});
  CHECK(names(io::series_files(temp / "[ab].csv")) == Names{"a.csv", "b.csv"});
  CHECK(names(io::series_files(temp / "?.csv.gz")) == Names{"d.csv.gz"});
}

TEST_CASE("a file is itself, even one that is not there or is called as a pattern, and so is stdin") {
  const TempDir temp;
  const auto odd = temp.write("a*.csv", "x");
  temp.write("ab.csv", "x");
  CHECK(io::series_files(odd) == std::vector<fs::path>{odd});
  CHECK(io::series_files(temp / "gone.csv") == std::vector<fs::path>{temp / "gone.csv"});
  CHECK(io::series_files("-") == std::vector<fs::path>{"-"});
}

TEST_CASE("a folder and a pattern without files are errors") {
  const TempDir temp;
  temp.write("notes.txt", "x");
  CHECK_THROWS_WITH(io::series_files(temp.path()), ContainsSubstring("in this folder"));
  CHECK_THROWS_WITH(io::series_files(temp / "*.csv"), ContainsSubstring("no file matches this pattern"));
}

TEST_CASE("what names series can be told before it is read") {
  const TempDir temp;
  temp.write("a.csv", "x");
  CHECK(io::names_series(temp / "a.csv"));
  CHECK(io::names_series(temp / "*.csv"));
  CHECK(io::names_series("-"));
  CHECK_FALSE(io::names_series(temp / "b*.csv"));
  CHECK_FALSE(io::names_series(temp / "b.csv"));
}
