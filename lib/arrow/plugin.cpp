// The plug-in: Parquet and Arrow IPC files for lib/io/arrow_plugin.h.

#include <arrow/api.h>
#include <arrow/compute/initialize.h>
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "arrow/csv_cells.h"
#include "arrow/limited_pool.h"
#include "io/arrow_plugin.h"

namespace arzoo::arrow_files {
namespace {

using arrow::Result;
using arrow::Status;

constexpr std::int64_t kRowsAtOnce = 16384;

/// Arrow's own words, on one line.
std::string reason(const Status& status) {
  auto text = status.message();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.empty() ? "cannot be read" : text;
}

/// What a function left, its exceptions too: none may leave the plug-in.
template <class Function>
std::string guarded(const Function& function) {
  try {
    const Status status = function();
    return status.ok() ? "" : reason(status);
  } catch (const std::bad_alloc&) {
    return "would take more memory than there is";
  } catch (const std::exception& error) {
    return reason(Status::Invalid(error.what()));
  }
}

Status append_header(const arrow::Schema& schema, std::string& csv) {
  if (schema.num_fields() == 0) return Status::Invalid("has no columns");
  for (int i = 0; i < schema.num_fields(); ++i) {
    if (i > 0) csv += ',';
    append_quoted(schema.field(i)->name(), csv);
  }
  csv += '\n';
  return Status::OK();
}

Status append_batch(const arrow::RecordBatch& batch, std::uint64_t most_bytes, arrow::MemoryPool* pool,
                    std::string& csv) {
  // What a file says of itself is not believed: offsets and lengths are checked before they are followed.
  ARROW_RETURN_NOT_OK(batch.ValidateFull());
  std::vector<std::unique_ptr<CsvCells>> columns;
  for (int i = 0; i < batch.num_columns(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto cells, CsvCells::of(batch.column(i), pool));
    columns.push_back(std::move(cells));
  }
  for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
    const auto start = csv.size();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) csv += ',';
      columns[i]->append(row, csv);
    }
    // A row of one missing cell would read back as a blank line.
    if (csv.size() == start) csv += "\"\"";
    csv += '\n';
    if (csv.size() > most_bytes)
      return Status::OutOfMemory("its text would take more than ", most_bytes,
                                 " bytes of memory, too much for a file of this size");
  }
  return Status::OK();
}

Status append_batches(arrow::RecordBatchReader& reader, std::uint64_t most_bytes, arrow::MemoryPool* pool,
                      std::string& csv) {
  ARROW_RETURN_NOT_OK(append_header(*reader.schema(), csv));
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader.ReadNext(&batch));
    if (batch == nullptr) return Status::OK();
    ARROW_RETURN_NOT_OK(append_batch(*batch, most_bytes, pool, csv));
  }
}

Status read_parquet(const std::shared_ptr<arrow::io::RandomAccessFile>& file, std::int64_t size,
                    std::uint64_t most_bytes, arrow::MemoryPool* pool, std::string& csv) {
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
  ARROW_ASSIGN_OR_RAISE(const auto reader, builder.Build());
  ARROW_ASSIGN_OR_RAISE(const auto batches, reader->GetRecordBatchReader());
  return append_batches(*batches, most_bytes, pool, csv);
}

arrow::ipc::IpcReadOptions ipc_options(arrow::MemoryPool* pool) {
  auto options = arrow::ipc::IpcReadOptions::Defaults();
  options.memory_pool = pool;
  options.use_threads = false;
  return options;
}

Status read_ipc_file(const std::shared_ptr<arrow::io::RandomAccessFile>& file, std::uint64_t most_bytes,
                     arrow::MemoryPool* pool, std::string& csv) {
  ARROW_ASSIGN_OR_RAISE(const auto reader, arrow::ipc::RecordBatchFileReader::Open(file, ipc_options(pool)));
  ARROW_RETURN_NOT_OK(append_header(*reader->schema(), csv));
  for (int i = 0; i < reader->num_record_batches(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, reader->ReadRecordBatch(i));
    ARROW_RETURN_NOT_OK(append_batch(*batch, most_bytes, pool, csv));
  }
  return Status::OK();
}

Status read(const std::string& path, std::uint64_t most_bytes, std::string& csv) {
  ARROW_RETURN_NOT_OK(arrow::compute::Initialize());
  // Beside the text there are the columns that it is made of.
  const auto pool = LimitedPool::make(static_cast<std::int64_t>(most_bytes));
  ARROW_ASSIGN_OR_RAISE(const auto file, arrow::io::ReadableFile::Open(path, pool.get()));
  ARROW_ASSIGN_OR_RAISE(const auto size, file->GetSize());
  std::array<char, 6> magic{};
  ARROW_RETURN_NOT_OK(file->ReadAt(0, magic.size(), magic.data()).status());
  const std::string_view start(magic.data(), magic.size());
  if (start.starts_with("PAR1")) return read_parquet(file, size, most_bytes, pool.get(), csv);
  if (start == "ARROW1") return read_ipc_file(file, most_bytes, pool.get(), csv);
  if (start.starts_with("FEA1")) return Status::Invalid("is a Feather file of version 1, expected version 2");
  if (!start.starts_with("\xFF\xFF\xFF\xFF"))
    return Status::Invalid("is neither a Parquet nor an Arrow IPC file");
  ARROW_RETURN_NOT_OK(file->Seek(0));
  ARROW_ASSIGN_OR_RAISE(const auto reader,
                        arrow::ipc::RecordBatchStreamReader::Open(file, ipc_options(pool.get())));
  return append_batches(*reader, most_bytes, pool.get(), csv);
}

/// Hands bytes on to a function.
class SinkStream : public arrow::io::OutputStream {
 public:
  explicit SinkStream(std::function<void(std::string_view)> sink) : sink_(std::move(sink)) {}
  Status Write(const void* data, std::int64_t size) override {
    sink_({static_cast<const char*>(data), static_cast<std::size_t>(size)});
    written_ += size;
    return Status::OK();
  }
  Status Close() override {
    closed_ = true;
    return Status::OK();
  }
  Result<std::int64_t> Tell() const override { return written_; }
  bool closed() const override { return closed_; }

 private:
  std::function<void(std::string_view)> sink_;
  std::int64_t written_ = 0;
  bool closed_ = false;
};

std::shared_ptr<arrow::DataType> type_of(const io::ArrowColumn& column) {
  switch (column.kind) {
    case io::ArrowColumn::Kind::text:
      return arrow::utf8();
    case io::ArrowColumn::Kind::stamp:
      return arrow::timestamp(arrow::TimeUnit::MILLI, column.zone);
    default:
      return arrow::float64();
  }
}

template <class Builder, class Values, class Missing, class Convert>
Result<std::shared_ptr<arrow::Array>> built(Builder& builder, const Values& values, const Missing& missing,
                                            const Convert& convert) {
  ARROW_RETURN_NOT_OK(builder.Reserve(static_cast<std::int64_t>(values.size())));
  for (const auto& value : values)
    ARROW_RETURN_NOT_OK(missing(value) ? builder.AppendNull() : builder.Append(convert(value)));
  return builder.Finish();
}

Result<std::shared_ptr<arrow::Array>> array_of(const io::ArrowColumn& column, const io::ArrowCells& cells) {
  const auto as_is = [](const auto& value) { return value; };
  const auto never = [](const auto&) { return false; };
  switch (column.kind) {
    case io::ArrowColumn::Kind::text: {
      arrow::StringBuilder builder;
      return built(builder, cells.texts, never, as_is);
    }
    case io::ArrowColumn::Kind::stamp: {
      arrow::TimestampBuilder builder(type_of(column), arrow::default_memory_pool());
      return built(builder, cells.seconds, never, [](std::int64_t seconds) { return seconds * 1000; });
    }
    default: {
      arrow::DoubleBuilder builder;
      return built(
          builder, cells.numbers, [](double value) { return std::isnan(value); }, as_is);
    }
  }
}

class Writer : public io::ArrowWriter {
 public:
  Writer(const std::vector<io::ArrowColumn>& columns, std::function<void(std::string_view)> sink)
      : columns_(columns), stream_(std::make_shared<SinkStream>(std::move(sink))) {}

  Status open(bool parquet) {
    std::vector<std::shared_ptr<arrow::Field>> fields;
    for (const auto& column : columns_) fields.push_back(arrow::field(column.name, type_of(column)));
    schema_ = arrow::schema(fields);
    if (!parquet) {
      ARROW_ASSIGN_OR_RAISE(ipc_, arrow::ipc::MakeFileWriter(stream_, schema_));
      return Status::OK();
    }
    const auto properties =
        parquet::WriterProperties::Builder().compression(parquet::Compression::SNAPPY)->build();
    // Keeps the offset of the stamps, for which Parquet itself has no place.
    const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
    ARROW_ASSIGN_OR_RAISE(parquet_, parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(),
                                                                     stream_, properties, arrow_properties));
    return Status::OK();
  }

  std::string write(const std::vector<io::ArrowCells>& cells) override {
    return guarded([&]() -> Status {
      std::vector<std::shared_ptr<arrow::Array>> arrays;
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        ARROW_ASSIGN_OR_RAISE(auto array, array_of(columns_[i], cells[i]));
        arrays.push_back(std::move(array));
      }
      const auto rows = arrays.front()->length();
      if (rows == 0) return Status::OK();
      const auto batch = arrow::RecordBatch::Make(schema_, rows, arrays);
      return parquet_ ? parquet_->WriteRecordBatch(*batch) : ipc_->WriteRecordBatch(*batch);
    });
  }
  std::string close() override {
    return guarded([&] { return parquet_ ? parquet_->Close() : ipc_->Close(); });
  }

 private:
  std::vector<io::ArrowColumn> columns_;
  std::shared_ptr<SinkStream> stream_;
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<parquet::arrow::FileWriter> parquet_;
  std::shared_ptr<arrow::ipc::RecordBatchWriter> ipc_;
};

class Plugin : public io::ArrowPlugin {
 public:
  std::string read_csv(const std::string& path, std::uint64_t most_bytes, std::string& csv) const override {
    return guarded([&] { return read(path, most_bytes, csv); });
  }
  std::unique_ptr<io::ArrowWriter> open_writer(bool parquet, const std::vector<io::ArrowColumn>& columns,
                                               std::function<void(std::string_view)> sink,
                                               std::string& error) const override {
    std::unique_ptr<Writer> writer;
    error = guarded([&] {
      writer = std::make_unique<Writer>(columns, std::move(sink));
      return writer->open(parquet);
    });
    if (!error.empty()) return nullptr;
    return writer;
  }
};

}  // namespace
}  // namespace arzoo::arrow_files

extern "C" const arzoo::io::ArrowPlugin* arzoo_arrow_plugin() {
  static const arzoo::arrow_files::Plugin plugin;
  return &plugin;
}
