#pragma once

#include <arrow/api.h>
#include <arrow/ipc/api.h>
#include <parquet/arrow/writer.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/arrow_plugin.h"

namespace arzoo::arrow_files {

/// Writes a Parquet or an Arrow IPC file.
class TableWriter : public io::ArrowWriter {
 public:
  TableWriter(const std::vector<io::ArrowColumn>& columns, std::function<void(std::string_view)> sink);

  arrow::Status open(bool parquet);
  std::string write(const std::vector<io::ArrowCells>& cells) override;
  std::string close() override;

 private:
  std::vector<io::ArrowColumn> columns_;
  std::shared_ptr<arrow::io::OutputStream> stream_;
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<parquet::arrow::FileWriter> parquet_;
  std::shared_ptr<arrow::ipc::RecordBatchWriter> ipc_;
};

}  // namespace arzoo::arrow_files
