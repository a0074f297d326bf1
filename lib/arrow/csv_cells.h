#pragma once

#include <arrow/api.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace arzoo::arrow_files {

/// What the stamps of a column show, all of them alike: as pandas writes them, a date where every one is a
/// midnight, a fraction of a second where any one has it.
struct StampForm {
  bool clock = false, fraction = false;
  /// Adds what an array of stamps needs.
  void look_at(const arrow::Array& stamps);
};

/// The cells of one column of a record batch as CSV text.
class CsvCells {
 public:
  virtual ~CsvCells() = default;
  /// Appends the cell of a row, quoted where CSV demands it; nothing for a missing one.
  virtual void append(std::int64_t row, std::string& csv) const = 0;

  /// Decodes dictionaries, and stamps with a zone to the local time they show. form: of stamps.
  static arrow::Result<std::unique_ptr<CsvCells>> of(const std::shared_ptr<arrow::Array>& column,
                                                     StampForm form, arrow::MemoryPool* pool);
};

/// Quotes a text where RFC 4180 demands it.
void append_quoted(std::string_view text, std::string& csv);

}  // namespace arzoo::arrow_files
