#pragma once

#include <arrow/api.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/csv_cells.h"
#include "arrow/limited_pool.h"
#include "io/arrow_plugin.h"

namespace arzoo::arrow_files {

/// The table of a file as CSV text, a piece at a time.
class TableText : public io::ArrowReader {
 public:
  /// most_bytes: of Arrow's own memory, and of the text of one row.
  TableText(std::string path, std::uint64_t most_bytes)
      : path_(std::move(path)),
        most_bytes_(most_bytes),
        pool_(LimitedPool::make(static_cast<std::int64_t>(most_bytes))) {}

  arrow::Status open();
  std::string next(std::string& csv) override;

 private:
  arrow::Status find_stamp_forms();
  arrow::Status append_header(std::string& csv) const;
  arrow::Status append_rows(std::string& csv);
  arrow::Status next_batch();

  std::string path_;
  std::uint64_t most_bytes_;
  LimitedPool::Owner pool_;
  std::shared_ptr<arrow::RecordBatchReader> batches_;
  std::vector<StampForm> forms_;  ///< of each column, of use to stamps
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::vector<std::unique_ptr<CsvCells>> cells_;  ///< of the batch, a column each
  std::int64_t row_ = 0;                          ///< of the batch, the next one
  bool has_header_ = false;
};

}  // namespace arzoo::arrow_files
