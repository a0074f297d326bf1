#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/error.h"

/// What the values of options must be. The parser puts the option's name before the message.
namespace arzoo::cli {

/// The largest count and the largest factor that an option takes.
inline constexpr int64_t kLargestCount = std::numeric_limits<int32_t>::max();
inline constexpr double kLargestFactor = 1e6;

/// An integer of the interval, written in full.
CLI::Validator whole_number(int64_t minimum, int64_t maximum);
/// A number of the interval.
CLI::Validator real_number(double minimum, double maximum);
/// A number between 0 and 100, neither of them.
CLI::Validator percentage();
/// One of the names; the nearest is offered to a mistyped one.
CLI::Validator choice(std::vector<std::string> names);
/// A spacing of rows, "15min".
CLI::Validator frequency_name();
/// A frequency and how the rows of a step are combined, "1h:mean".
CLI::Validator resampling();
/// What `parse`, a function of a text, accepts: it throws UsageError for all else.
template <class Parse>
CLI::Validator parses(const Parse& parse) {
  return {[parse](const std::string& text) -> std::string {
            try {
              parse(text);
              return "";
            } catch (const UsageError& error) {
              return error.what();
            }
          },
          /*description=*/""};
}
/// auto, cpu, cuda or cuda:i.
CLI::Validator device_name();

}  // namespace arzoo::cli
