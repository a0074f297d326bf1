#include "io/decimal_mark.h"

namespace arzoo::io {

Decimals find_decimals(const CsvTable& table, const std::vector<std::size_t>& columns) {
  Decimals decimals;
  if (table.delimiter() == ',') return decimals;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (const std::size_t column : columns) {
      const auto cell = table.cell(row, column);
      const auto use = comma_use(cell);
      if (use == CommaUse::none) continue;
      if (decimals.example.empty() || use == CommaUse::decimal)
        decimals = {DecimalMark::comma, std::string(cell), row, use == CommaUse::perhaps_decimal};
      if (use == CommaUse::decimal) return decimals;
    }
  }
  return decimals;
}

}  // namespace arzoo::io
