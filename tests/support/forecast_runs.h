#pragma once

#include "io/calendar.h"
#include "support/tasks.h"

/// Forecasts of models that train in milliseconds, and their rows.
namespace arzoo::test {

/// Steps ahead of the models that trained_run makes.
inline constexpr int64_t kHorizon = 4;

/// A run directory of a trained model of the variates a, b, c, or of long series of y.
inline fs::path trained_run(const TempDir& temp, const std::string& csv,
                            const Json& changes = Json::object()) {
  train(tiny_config(temp.write("train.csv", csv), changes), temp / "run");
  return temp / "run";
}

inline fs::path wide_run(const TempDir& temp) { return trained_run(temp, wide_csv(hourly_table(300))); }

inline fs::path input_file(const TempDir& temp, const std::string& name = "new.csv", int64_t first = 1000) {
  return temp.write(name, wide_csv(hourly_table(60, {"a", "b", "c"}, first)));
}

/// Cells by column name, row by row.
struct CsvRows {
  io::CsvTable table;
  explicit CsvRows(const fs::path& path) : table(io::CsvTable::read(path)) {}
  std::string text(std::size_t row, const char* column) const {
    return std::string(table.cell(row, table.find(column).value()));
  }
  double number(std::size_t row, const char* column) const { return std::stod(text(row, column)); }
};

inline std::string stamp_text(int64_t hour) { return io::DateFormat().format(hour_stamp(hour)); }

/// `csv` without the cell of `column` at `stamp`, counted from 1.
inline std::string without_cell(std::string csv, const std::string& stamp, int column) {
  auto begin = csv.find(stamp);
  for (int i = 0; i < column; ++i) begin = csv.find(',', begin) + 1;
  return csv.erase(begin, csv.find_first_of(",\n", begin) - begin);
}

}  // namespace arzoo::test
