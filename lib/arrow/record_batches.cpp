#include "arrow/record_batches.h"

#include <arrow/io/api.h>
#include <arrow/ipc/api.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace arzoo::arrow_files {
namespace {

using arrow::RecordBatch;
using arrow::RecordBatchReader;
using arrow::Result;
using arrow::Status;
using Batches = std::shared_ptr<RecordBatchReader>;
using File = std::shared_ptr<arrow::io::RandomAccessFile>;

constexpr std::int64_t kRowsAtOnce = 16384;

/// Offsets and lengths are checked before anyone follows them.
class CheckedBatches : public RecordBatchReader {
 public:
  explicit CheckedBatches(Batches batches) : batches_(std::move(batches)) {}
  std::shared_ptr<arrow::Schema> schema() const override { return batches_->schema(); }
  Status ReadNext(std::shared_ptr<RecordBatch>* batch) override {
    ARROW_RETURN_NOT_OK(batches_->ReadNext(batch));
    return *batch == nullptr ? Status::OK() : (*batch)->ValidateFull();
  }

 private:
  Batches batches_;
};

/// Holds the file's reader, which its batches come from.
class ParquetBatches : public RecordBatchReader {
 public:
  ParquetBatches(std::unique_ptr<parquet::arrow::FileReader> file, Batches batches)
      : file_(std::move(file)), batches_(std::move(batches)) {}
  std::shared_ptr<arrow::Schema> schema() const override { return batches_->schema(); }
  Status ReadNext(std::shared_ptr<RecordBatch>* batch) override { return batches_->ReadNext(batch); }

 private:
  std::unique_ptr<parquet::arrow::FileReader> file_;
  Batches batches_;
};

class IpcFileBatches : public RecordBatchReader {
 public:
  explicit IpcFileBatches(std::shared_ptr<arrow::ipc::RecordBatchFileReader> file) : file_(std::move(file)) {}
  std::shared_ptr<arrow::Schema> schema() const override { return file_->schema(); }
  Status ReadNext(std::shared_ptr<RecordBatch>* batch) override {
    batch->reset();
    if (next_ == file_->num_record_batches()) return Status::OK();
    return file_->ReadRecordBatch(next_++).Value(batch);
  }

 private:
  std::shared_ptr<arrow::ipc::RecordBatchFileReader> file_;
  int next_ = 0;
};

Result<Batches> open_parquet(const File& file, std::int64_t size, const std::vector<int>& columns,
                             arrow::MemoryPool* pool) {
  parquet::ReaderProperties properties(pool);
  properties.enable_buffered_stream();
  // Lengths in the footer cannot exceed the file.
  const auto most = static_cast<std::int32_t>(std::min<std::int64_t>(size, 100'000'000));
  properties.set_thrift_string_size_limit(most);
  properties.set_thrift_container_size_limit(std::min(most, 1'000'000));
  parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
  arrow_properties.set_batch_size(kRowsAtOnce);
  arrow_properties.set_pre_buffer(false);
  parquet::arrow::FileReaderBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Open(file, properties));
  builder.memory_pool(pool)->properties(arrow_properties);
  ARROW_ASSIGN_OR_RAISE(auto reader, builder.Build());
  std::vector<int> groups(static_cast<std::size_t>(reader->num_row_groups())), leaves;
  for (std::size_t i = 0; i < groups.size(); ++i) groups[i] = static_cast<int>(i);
  const auto& fields = reader->manifest().schema_fields;
  for (const int column : columns) leaves.push_back(fields[static_cast<std::size_t>(column)].column_index);
  ARROW_ASSIGN_OR_RAISE(Batches batches, columns.empty() ? reader->GetRecordBatchReader(groups)
                                                         : reader->GetRecordBatchReader(groups, leaves));
  return std::make_shared<ParquetBatches>(std::move(reader), std::move(batches));
}

}  // namespace

Result<Batches> open_batches(const std::string& path, const std::vector<int>& columns,
                             arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(const auto file, arrow::io::ReadableFile::Open(path, pool));
  ARROW_ASSIGN_OR_RAISE(const auto size, file->GetSize());
  std::array<char, 6> magic{};
  ARROW_RETURN_NOT_OK(file->ReadAt(0, magic.size(), magic.data()).status());
  const std::string_view start(magic.data(), magic.size());
  auto ipc = arrow::ipc::IpcReadOptions::Defaults();
  ipc.memory_pool = pool;
  ipc.use_threads = false;
  ipc.included_fields = columns;
  Batches batches;
  if (start.starts_with("PAR1")) {
    ARROW_ASSIGN_OR_RAISE(batches, open_parquet(file, size, columns, pool));
  } else if (start == "ARROW1") {
    ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ipc::RecordBatchFileReader::Open(file, ipc));
    batches = std::make_shared<IpcFileBatches>(std::move(reader));
  } else if (start.starts_with("\xFF\xFF\xFF\xFF")) {
    ARROW_RETURN_NOT_OK(file->Seek(0));
    ARROW_ASSIGN_OR_RAISE(batches, arrow::ipc::RecordBatchStreamReader::Open(file, ipc));
  } else if (start.starts_with("FEA1")) {
    return Status::Invalid("is a Feather file of version 1, expected version 2");
  } else {
    return Status::Invalid("is neither a Parquet nor an Arrow IPC file");
  }
  return std::make_shared<CheckedBatches>(std::move(batches));
}

}  // namespace arzoo::arrow_files
