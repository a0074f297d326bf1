#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_set>

#include "core/error.h"
#include "io/series_table.h"
#include "io/series_text.h"

namespace arzoo::io {

/// A long file cannot be read in parts: the rows of a series lie apart, or what a part shows of the way that
/// dates are written contradicts an earlier part. Reading the file whole decides it.
struct PartsDisagree : DataError {
  using DataError::DataError;
};

/// A file of series, read in parts of whole series so that memory does not grow with the file: a long CSV
/// file whose rows are ordered by series, plain, with commas, or such a Parquet or Arrow file. Any other file
/// is one part. "-" is standard input.
class SeriesParts {
 public:
  static constexpr std::size_t kPartBytes = std::size_t{16} << 20;

  /// part_bytes: of text read at a time; more where a single series has more. Throws as read_series.
  SeriesParts(const std::filesystem::path& path, SeriesReadOptions options,
              std::size_t part_bytes = kPartBytes);

  /// The next series, nothing at the end. Throws as read_series, and PartsDisagree.
  std::optional<SeriesFile> next();
  /// How much of the file is behind the last part, growing from 0 to 1: of an Arrow file, whose text may be
  /// of any length, in no fixed proportion; of a pipe 0 until its end.
  double place() const;

 private:
  bool fill(std::size_t size);
  bool can_split();
  std::optional<char> delimiter() const { return source_.is_of_arrow() ? ',' : options_.delimiter; }
  SeriesFile whole();
  std::optional<SeriesFile> part();
  void check(const SeriesFile& file);

  SeriesReadOptions options_;
  SeriesText source_;
  std::string name_;
  std::size_t part_bytes_;
  std::string text_;              ///< read, and not yet part of a result
  std::string header_;            ///< once it is known that the file is read in parts
  std::uint64_t bytes_read_ = 0;  ///< of the text
  std::size_t lines_done_ = 0;    ///< of the rows that were given
  bool at_end_ = false, finished_ = false;
  std::string pattern_;                         ///< of the first part's dates
  std::unordered_set<std::uint64_t> seen_ids_;  ///< hashes of the series given so far
};

}  // namespace arzoo::io
