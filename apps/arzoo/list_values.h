#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/image_request.h"

/// Values of options that are lists written as one word.
namespace arzoo::cli {

/// "16x6,8x4": sixteen six times, then eight four times. At most 64 numbers, each in [minimum, maximum];
/// throws UsageError.
std::vector<double> number_list(const std::string& text, double minimum, double maximum);
/// The same of integers.
std::vector<int64_t> integer_list(const std::string& text, int64_t minimum, int64_t maximum);

/// "sneaker,T-shirt\, long": names between commas; a backslash before a comma or a backslash makes it part of
/// the name. Throws UsageError for an empty one.
std::vector<std::string> name_list(const std::string& text);

/// "X,Y,W,H" in pixels; throws UsageError.
runtime::PixelBox pixel_box(const std::string& text);

}  // namespace arzoo::cli
