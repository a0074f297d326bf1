#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/config.h"

namespace arzoo::plan {

/// The longest line of forecast --stream, in bytes: some 800,000 numbers.
inline constexpr std::size_t kLongestStreamLine = std::size_t{16} << 20;

/// One line of forecast --stream, as far as it can be read without the model (tasks/forecast_stream.h says
/// what it holds). Errors are ConfigErrors that name the place in the line.
class StreamRequest {
 public:
  /// Throws unless the line is an object with known keys only.
  explicit StreamRequest(std::string_view line);

  /// The "id" that comes back with the answer; nothing without one.
  const Json* id() const;
  /// The "horizon", or `otherwise` without one.
  std::int64_t horizon(std::int64_t otherwise) const;
  /// The "values", [rows * variates] row by row.
  std::vector<double> values(std::size_t variates) const;
  /// The time stamp of the last of `rows` rows: "ds", or its last element; nothing without one.
  std::optional<Config> last_stamp(std::size_t rows) const;
  /// Throws for a key that this model needs.
  [[noreturn]] void reject(const std::string& message) const { request_.reject(message); }

 private:
  Config request_;
};

}  // namespace arzoo::plan
