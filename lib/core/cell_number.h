#pragma once

#include <string>
#include <string_view>

namespace arzoo {

enum class CellKind { number, missing, text };

struct CellNumber {
  CellKind kind;
  double value;  ///< NaN unless a number; may be infinite
};

/// What a cell says, spaces around it ignored. Missing: empty, NA, N/A, NaN, null and None in any letter
/// case. A number is what std::from_chars reads from the whole cell, after one optional '+'.
CellNumber read_number(std::string_view cell);

/// Why a cell that is text was perhaps meant as a number: " (hint)", or empty.
std::string number_hint(std::string_view cell);

}  // namespace arzoo
