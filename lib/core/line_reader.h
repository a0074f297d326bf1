#pragma once

#include <cstddef>
#include <istream>
#include <string>

namespace arzoo {

enum class LineRead { whole, too_long, end };

/// Reads the next line of `in` into `line`, without its "\n". Of a line with more than `longest` bytes
/// nothing is stored: it is passed over, and the next call reads the line behind it. in.eof() afterwards says
/// that the input ended without a line end.
LineRead next_line(std::istream& in, std::string& line, std::size_t longest);

}  // namespace arzoo
