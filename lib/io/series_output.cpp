#include "io/series_output.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "core/ascii.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text_output.h"
#include "io/arrow_plugin.h"
#include "io/cell_number.h"
#include "io/csv.h"
#include "io/formula_text.h"

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

/// Stamps come as "t", seconds since 1970 as written, "|" and the offset, which need no format; the file's
/// zone is the first one's.
class SeriesOutput::ArrowSink : public Sink {
 public:
  ArrowSink(const std::filesystem::path& path, const std::vector<OutputColumn>& columns)
      : plugin_(arrow_plugin(path)),
        file_(path),
        is_parquet_(to_lower(path.extension().string()) == ".parquet") {
    CsvText header;
    for (const auto& column : columns) {
      header.cell(column.name);
      columns_.push_back({kind_of(column.kind), column.name, {}});
    }
    header.end_row();
    header_ = header.take();
  }

  void append(std::string_view rows) override {
    if (rows.empty()) return;
    const auto table = CsvTable::parse(header_ + std::string(rows), file_.path().string(), {','});
    std::vector<ArrowCells> cells(columns_.size());
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      for (std::size_t row = 0; row < table.rows(); ++row)
        add(table.cell(row, column), columns_[column], cells[column]);
    }
    require_open();
    check(writer_->write(cells));
  }

  void commit() override {
    require_open();
    check(writer_->close());
    file_.commit();
  }

 private:
  static ArrowColumn::Kind kind_of(OutputColumn::Kind kind) {
    return kind == OutputColumn::Kind::text    ? ArrowColumn::Kind::text
           : kind == OutputColumn::Kind::stamp ? ArrowColumn::Kind::stamp
                                               : ArrowColumn::Kind::number;
  }

  void add(std::string_view cell, ArrowColumn& column, ArrowCells& cells) const {
    if (column.kind == ArrowColumn::Kind::text) {
      // The mark of formulas is for spreadsheets.
      const bool marked = cell.starts_with(kFormulaMark) && is_formula(cell.substr(1));
      cells.texts.push_back(marked ? cell.substr(1) : cell);
    } else if (column.kind == ArrowColumn::Kind::number) {
      cells.numbers.push_back(read_number(cell).value);
    } else {
      std::int64_t seconds = 0;
      std::int32_t offset = 0;
      const auto end = std::from_chars(cell.data() + 1, cell.data() + cell.size(), seconds).ptr;
      if (end != cell.data() + cell.size()) {
        std::from_chars(end + 1, cell.data() + cell.size(), offset);
        // A file has one zone for a column: that of its first row.
        if (!writer_ && column.zone.empty()) column.zone = zone_name(offset);
      }
      cells.seconds.push_back(seconds - offset);
    }
  }

  static std::string zone_name(std::int32_t offset) {
    const int minutes = std::abs(offset) / 60;
    return offset == 0 ? "UTC"
                       : fmt::format("{}{:02}:{:02}", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
  }

  void require_open() {
    if (writer_) return;
    std::string error;
    writer_ = plugin_.open_writer(
        is_parquet_, columns_, [this](std::string_view bytes) { file_.append(bytes); }, error);
    check(error);
  }

  void check(const std::string& error) const {
    if (!error.empty()) fail<SystemFailure>("{}: cannot be written: {}", file_.path().string(), error);
  }

  const ArrowPlugin& plugin_;
  AtomicFile file_;
  bool is_parquet_;
  std::vector<ArrowColumn> columns_;
  std::string header_;
  std::unique_ptr<ArrowWriter> writer_;
};

SeriesOutput::SeriesOutput(const std::filesystem::path& path, std::vector<OutputColumn> columns)
    : is_arrow_(is_arrow_file(path)) {
  if (is_arrow_)
    sink_ = std::make_unique<ArrowSink>(path, columns);
  else
    sink_ = std::make_unique<CsvSink>(path, columns);
}

std::string SeriesOutput::stamp(const DateFormat& format, Timestamp stamp) const {
  if (!is_arrow_) return format.format(stamp);
  const auto offset = format.offset();
  return offset ? fmt::format("t{}|{}", stamp.seconds, *offset) : fmt::format("t{}", stamp.seconds);
}

SeriesOutput::~SeriesOutput() = default;

void SeriesOutput::append(std::string_view rows) { sink_->append(rows); }

void SeriesOutput::commit() { sink_->commit(); }

}  // namespace arzoo::io
