#include "io/series_output.h"

#include <utility>

#include "core/text_output.h"
#include "io/csv.h"

namespace arzoo::io {

class SeriesOutput::Sink {
 public:
  virtual ~Sink() = default;
  virtual void append(std::string_view rows) = 0;
  virtual void commit() = 0;
};

class SeriesOutput::CsvSink : public Sink {
 public:
  CsvSink(const std::filesystem::path& path, const std::vector<OutputColumn>& columns) : out_(path) {
    CsvText header;
    for (const auto& column : columns) header.cell(column.name);
    header.end_row();
    out_.append(header.text());
  }
  void append(std::string_view rows) override { out_.append(rows); }
  void commit() override { out_.commit(); }

 private:
  TextOutput out_;
};

SeriesOutput::SeriesOutput(const std::filesystem::path& path, std::vector<OutputColumn> columns)
    : sink_(std::make_unique<CsvSink>(path, columns)) {}

SeriesOutput::~SeriesOutput() = default;

void SeriesOutput::append(std::string_view rows) { sink_->append(rows); }

void SeriesOutput::commit() { sink_->commit(); }

}  // namespace arzoo::io
