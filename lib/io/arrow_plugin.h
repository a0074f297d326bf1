#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Parquet and Arrow IPC files, by Apache Arrow. Arrow is in a library of its own, libarzoo_arrow.so, which
/// is opened when such a file is named and need not be there otherwise. No exception leaves it.
namespace arzoo::io {

/// Whether a name ends as a file of the plug-in does: .parquet, .arrow, .feather.
bool is_arrow_file(const std::filesystem::path& path);

/// One column of some rows on their way into a file: texts or numbers, by the column's kind.
struct ArrowCells {
  std::vector<std::string_view> texts;
  std::vector<double> numbers;        ///< NaN: missing
  std::vector<std::int64_t> seconds;  ///< UTC, since 1970
};

struct ArrowColumn {
  enum class Kind { text, number, stamp } kind = Kind::number;
  std::string name;
  std::string zone;  ///< of stamps: "+02:00", "UTC"; empty: without a zone
};

/// Writes a file piece by piece. Each function returns what went wrong, empty if nothing did.
class ArrowWriter {
 public:
  virtual ~ArrowWriter() = default;
  /// One ArrowCells per column, of equal length.
  virtual std::string write(const std::vector<ArrowCells>& columns) = 0;
  virtual std::string close() = 0;
};

/// A table as CSV text, piece by piece: first a header, then rows. Numbers are their shortest digits, missing
/// cells empty; dates YYYY-MM-DD, stamps "YYYY-MM-DD hh:mm:ss" with their offset from UTC if the column has a
/// zone, and as dates if all of a column are midnights without one. Cells of types that are none of this are
/// the type's name.
class ArrowReader {
 public:
  virtual ~ArrowReader() = default;
  /// Puts the next piece, whole records, into `csv`; nothing at the end. Returns what went wrong, empty if
  /// nothing did.
  virtual std::string next(std::string& csv) = 0;
};

class ArrowPlugin {
 public:
  virtual ~ArrowPlugin() = default;
  /// Opens a Parquet or Arrow IPC file. Null, with `error` filled, if it cannot be read. most_bytes: of
  /// Arrow's own memory, and of the text of one row.
  virtual std::unique_ptr<ArrowReader> open_reader(const std::string& path, std::uint64_t most_bytes,
                                                   std::string& error) const = 0;
  /// sink: takes the file's bytes as they come. Null, with `error` filled, if it cannot be made.
  virtual std::unique_ptr<ArrowWriter> open_writer(bool parquet, const std::vector<ArrowColumn>& columns,
                                                   std::function<void(std::string_view)> sink,
                                                   std::string& error) const = 0;
};

/// Opens the plug-in for the file `path`. Throws DataError, naming the file and how to get the plug-in, if it
/// is not there or cannot be opened.
const ArrowPlugin& arrow_plugin(const std::filesystem::path& path);

/// The one symbol that is looked up in it.
using ArrowPluginFunction = const ArrowPlugin* (*)();
inline constexpr const char* kArrowPluginSymbol = "arzoo_arrow_plugin";

}  // namespace arzoo::io
