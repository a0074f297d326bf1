#pragma once

#include <cmath>

#include "io/series_table.h"
#include "support/test.h"

namespace arzoo::test {

/// A daily rhythm, a slope and a bit of noise that is the same on every machine: something that a small model
/// learns.
inline double wave(int64_t hour, int64_t variate) {
  const auto phase = static_cast<double>(variate);
  const auto noise = static_cast<double>((hour * 7919 + variate * 104729) % 101) / 101.0 - 0.5;
  return 50.0 * (phase + 1) +
         10.0 * std::sin(2 * 3.14159265358979 * static_cast<double>(hour) / 24.0 + phase) +
         0.01 * static_cast<double>(hour) + noise;
}

/// Hours from 2020-01-01 00:00:00 on.
inline io::Timestamp hour_stamp(int64_t hour) {
  return {io::to_timestamp({2020, 1, 1, 0, 0, 0}).seconds + hour * 3600};
}

/// An hourly series of `rows` rows from hour `first` on, with the variates named.
inline io::SeriesTable hourly_table(int64_t rows, std::vector<std::string> variates = {"a", "b", "c"},
                                    int64_t first = 0) {
  io::SeriesTable table;
  table.unique_id = table.source = "waves.csv";
  table.variates = std::move(variates);
  table.frequency = {io::Frequency::Unit::hour};
  for (int64_t row = 0; row < rows; ++row) {
    table.stamps.push_back(hour_stamp(first + row));
    for (std::size_t c = 0; c < table.variates.size(); ++c) {
      table.values.push_back(wave(first + row, static_cast<int64_t>(c)));
    }
  }
  return table;
}

/// The same as the text of a wide CSV file.
inline std::string wide_csv(const io::SeriesTable& table) {
  io::CsvText csv;
  csv.cell("date");
  for (const auto& name : table.variates) csv.cell(name);
  csv.end_row();
  for (std::size_t row = 0; row < table.rows(); ++row) {
    csv.cell(table.date_format.format(table.stamps[row]));
    for (std::size_t c = 0; c < table.variates.size(); ++c) csv.cell(table.at(row, c));
    csv.end_row();
  }
  return csv.text();
}

/// Series of one variate as the text of a long CSV file, one behind the other.
inline std::string long_csv(const std::vector<io::SeriesTable>& tables) {
  io::CsvText csv;
  csv.cell("unique_id").cell("ds").cell("y").end_row();
  for (const auto& table : tables) {
    for (std::size_t row = 0; row < table.rows(); ++row) {
      csv.cell(table.unique_id)
          .cell(table.date_format.format(table.stamps[row]))
          .cell(table.at(row, 0))
          .end_row();
    }
  }
  return csv.text();
}

}  // namespace arzoo::test
