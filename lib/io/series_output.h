#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/date_format.h"

namespace arzoo::io {

struct OutputColumn {
  enum class Kind { text, stamp, number };
  std::string name;
  Kind kind = Kind::number;
};

/// A table of results on its way into a file: CSV, gzip if its name ends in .gz, "-" for standard output;
/// Parquet if it ends in .parquet and Arrow IPC if it ends in .arrow or .feather, by the plug-in
/// (io/arrow_plugin.h). A file appears whole or not at all.
class SeriesOutput {
 public:
  /// Throws as TextOutput and open_arrow_plugin do.
  SeriesOutput(const std::filesystem::path& path, std::vector<OutputColumn> columns);
  ~SeriesOutput();

  /// A time stamp as its cell in the rows: written as `format` does, or what the other file types understand.
  std::string stamp(const DateFormat& format, Timestamp stamp) const;
  /// Rows as CsvText writes them, of these columns.
  void append(std::string_view rows);
  /// The object is spent afterwards.
  void commit();

 private:
  class Sink;
  class CsvSink;
  class ArrowSink;
  std::unique_ptr<Sink> sink_;
  bool is_arrow_;
};

}  // namespace arzoo::io
