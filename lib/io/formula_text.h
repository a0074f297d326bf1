#pragma once

#include <string_view>

namespace arzoo::io {

/// Put before a text in a CSV file that a spreadsheet would compute: spreadsheets hide it and show the text.
inline constexpr char kFormulaMark = '\'';

/// Whether a spreadsheet that opens a CSV file would compute a cell of this text instead of showing it.
bool is_formula(std::string_view text);

}  // namespace arzoo::io
