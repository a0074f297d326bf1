#include "arrow/table_writer.h"

#include <arrow/io/api.h>

#include <cmath>
#include <utility>

#include "arrow/guarded.h"

namespace arzoo::arrow_files {
namespace {

using arrow::Result;
using arrow::Status;

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

}  // namespace

TableWriter::TableWriter(const std::vector<io::ArrowColumn>& columns,
                         std::function<void(std::string_view)> sink)
    : columns_(columns), stream_(std::make_shared<SinkStream>(std::move(sink))) {}

Status TableWriter::open(bool parquet) {
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (const auto& column : columns_) fields.push_back(arrow::field(column.name, type_of(column)));
  schema_ = arrow::schema(fields);
  if (!parquet) return arrow::ipc::MakeFileWriter(stream_, schema_).Value(&ipc_);
  const auto properties =
      parquet::WriterProperties::Builder().compression(parquet::Compression::SNAPPY)->build();
  // Keeps the offset of the stamps, for which Parquet itself has no place.
  const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
  return parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), stream_, properties,
                                          arrow_properties)
      .Value(&parquet_);
}

std::string TableWriter::write(const std::vector<io::ArrowCells>& cells) {
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

std::string TableWriter::close() {
  return guarded([&] { return parquet_ ? parquet_->Close() : ipc_->Close(); });
}

}  // namespace arzoo::arrow_files
