#pragma once

#include <arrow/api.h>

#include <cstdint>
#include <memory>
#include <string>

namespace arzoo::arrow_files {

/// The cells of one column of a record batch as CSV text.
class CsvCells {
 public:
  virtual ~CsvCells() = default;
  /// Appends the cell of a row, quoted where CSV demands it; nothing for a missing one.
  virtual void append(std::int64_t row, std::string& csv) const = 0;

  /// Decodes dictionaries, and stamps with a zone to the local time they show.
  static arrow::Result<std::unique_ptr<CsvCells>> of(const std::shared_ptr<arrow::Array>& column,
                                                     arrow::MemoryPool* pool);
};

/// Quotes a text where RFC 4180 demands it.
void append_quoted(std::string_view text, std::string& csv);

}  // namespace arzoo::arrow_files
