#pragma once

#include <string>
#include <string_view>

namespace arzoo::io {

enum class CellKind { number, missing, text };

struct CellNumber {
  CellKind kind;
  double value;  ///< NaN unless a number; may be infinite
};

/// How numbers write their fraction.
enum class DecimalMark { point, comma };

/// What a cell says, spaces around it ignored. Missing: empty, NA, N/A, NaN, null and None in any letter
/// case. A number is what std::from_chars reads from the whole cell, after one optional '+'. With a decimal
/// comma, points may group the digits before it where that cannot be mistaken: 1.234,5 and 1.234.567, but
/// not 1.234.
CellNumber read_number(std::string_view cell, DecimalMark mark = DecimalMark::point);

/// What a cell with a comma says about a file whose delimiter is another character. "1,5" has a decimal
/// comma; "1,234" may have one; nothing is learnt from what is no number either way.
enum class CommaUse { none, decimal, perhaps_decimal };
CommaUse comma_use(std::string_view cell);

/// Why a cell that is text was perhaps meant as a number: " (hint)", or empty.
std::string number_hint(std::string_view cell);

}  // namespace arzoo::io
