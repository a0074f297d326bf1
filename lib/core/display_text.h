#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace arzoo {

/// Columns that `text` takes on a terminal, counted as UTF-8 code points; wide and combining characters are
/// not told apart.
std::size_t display_width(std::string_view text);

/// The first `width` columns of `text`, ending in "…" when something was cut. Never splits a code point.
std::string shortened(std::string_view text, std::size_t width);

/// `text` on one line: line breaks and every other control character (C0, DEL, C1) become a space, so that a
/// name taken from a file can neither move the cursor nor recolour a terminal. Characters that only change
/// how others look (marks of direction such as U+202E, zero-width ones) are shown as \u202e, and bytes that
/// are not UTF-8 as \xff.
std::string one_line(std::string_view text);

/// The first items of a list, each as `shown` writes it, and how many more there are: as much as a message
/// can hold. "a", "b" and 3 more.
std::string first_few(const std::vector<std::string>& items, std::string (*shown)(std::string_view));

/// `text` for HTML and SVG, as content or as a quoted attribute: & < > " ' are escaped, bytes that are not
/// UTF-8 and control characters that XML forbids become U+FFFD, invisible ones are shown as one_line() does.
std::string escape_markup(std::string_view text);

/// A number for people: whole numbers as they are, others with four significant digits
/// (0.3482, 12.50, 3.2e-05).
std::string short_number(double value);

/// A span of time for people: 0.4s, 42s, 3m07s, 2h05m, 3d04h; "?" when it is negative or not finite.
std::string short_duration(double seconds);

}  // namespace arzoo
