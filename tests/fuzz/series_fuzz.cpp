// CSV files of time series, wide and long, under every policy.

#include "io/series_table.h"

#include "fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace arzoo;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const auto policy :
       {io::MissingPolicy::error, io::MissingPolicy::ffill, io::MissingPolicy::interpolate}) {
    fuzz::refuse_or_accept([&] {
      io::SeriesReadOptions options;
      options.missing = policy;
      for (const auto& table : io::read_series(io::CsvTable::parse(text, "input"), options).tables) {
        if (table.rows() * table.variates.size() != table.values.size()) std::abort();
        for (std::size_t row = 1; row < table.rows(); ++row) {
          if (!(table.stamps[row - 1] < table.stamps[row])) std::abort();
        }
      }
    });
  }
  return 0;
}
