#include "core/file_budget.h"

#include "core/text_file.h"
#include "io/csv.h"
#include "io/zip_archive.h"
#include "support/test.h"
#include "support/zip.h"

using namespace arzoo;

TEST_CASE("a budget lasts for 56 MiB and seven times the file, then names what is too much") {
  FileBudget budget("a.bin", 100);
  budget.charge(FileBudget::kFloor, "its head");
  budget.charge(700, "its tail");
  CHECK(budget.left() == 0);
  CHECK_THROWS_WITH(
      budget.charge<CheckpointError>(1, "its end"),
      "a.bin: its end would take more than 58720956 bytes of memory, too much for a file of 100");
  CHECK_THROWS_AS(budget.charge<CheckpointError>(1, "its end"), CheckpointError);
}

TEST_CASE("the cells of a table are charged to the file that its text was unpacked from") {
  std::string text = "a\n";
  for (int i = 0; i < 1000; ++i) text += "1\n";
  FileBudget budget("x.csv", 0);
  budget.charge(FileBudget::kFloor - 11'996, "its text");
  CHECK_THROWS_WITH(io::CsvTable::parse(text, "x.csv", budget, {}),
                    ContainsSubstring("x.csv: its cells would take"));
  CHECK(io::CsvTable::parse(text, "x.csv").rows() == 1000);
}

TEST_CASE("records of a zip archive that share bytes are refused") {
  const auto good = test::zip({{"a", "12345678"}, {"b", "12345678"}});
  CHECK(io::ZipArchive::parse(good, "a.zip").records().size() == 2);
  // The second entry of the directory is made to point at the first record, under another name.
  auto bad = good;
  const auto second = bad.rfind("PK\x01\x02");
  bad.replace(second + 42, 4, std::string(4, '\0'));
  CHECK_THROWS_WITH(io::ZipArchive::parse(bad, "a.zip"),
                    ContainsSubstring("the records \"a\" and \"b\" overlap"));
}
