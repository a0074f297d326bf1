#pragma once

#include <arrow/api.h>

#include <memory>
#include <string>
#include <vector>

namespace arzoo::arrow_files {

/// Opens a Parquet file, an Arrow IPC file or an Arrow IPC stream, which its first bytes tell. Batches are
/// small where the format allows it, and checked in full: what a file says of itself is not believed.
/// columns: numbers of the top-level columns to read, whose types are not nested; empty: all of them.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> open_batches(const std::string& path,
                                                                      const std::vector<int>& columns,
                                                                      arrow::MemoryPool* pool);

}  // namespace arzoo::arrow_files
