#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/json_reader.h"

namespace arzoo::plan {

/// The longest line of forecast --stream, in bytes: some 800,000 numbers.
inline constexpr std::size_t kLongestStreamLine = std::size_t{16} << 20;

/// One line of forecast --stream, as far as it can be read without the model (tasks/forecast_stream.h says
/// what it holds). Errors are ConfigErrors that name the place in the line.
class StreamRequest {
 public:
  /// Throws unless the line is an object with known keys only. variates: numbers in a row of "values".
  StreamRequest(std::string_view line, std::size_t variates);

  /// The "id" that comes back with the answer; nothing without one, or the second time.
  std::optional<Json> take_id() { return std::exchange(id_, std::nullopt); }
  /// The "horizon", or `otherwise` without one.
  std::int64_t horizon(std::int64_t otherwise) const;
  /// The "values", [rows * variates] row by row; nothing the second time.
  std::vector<double> take_values();
  /// The time stamp of the last of `rows` rows: "ds", or its last element; nothing without one.
  std::optional<Config> last_stamp(std::size_t rows) const;
  /// Throws for a key that this model needs.
  [[noreturn]] void reject(const std::string& message) const { request_.reject(message); }

 private:
  std::optional<Json> id_;
  JsonRows rows_;
  Config request_;  ///< but for the id
};

}  // namespace arzoo::plan
