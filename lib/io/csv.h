#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_budget.h"

namespace arzoo::io {

struct CsvOptions {
  std::optional<char> delimiter;  ///< sniffed among , ; tab | if not given
  std::size_t skipped_lines = 0;  ///< between the header and the first row: of a part of a file
};

/// A CSV file (RFC 4180) in memory: one header record, then rows of as many cells. Quoted cells may hold the
/// delimiter, line ends and doubled quotes; line ends are LF, CRLF or CR; a UTF-8 byte order mark and blank
/// lines at the end are skipped. Cells are views into the file's own text, so reading costs no allocation per
/// cell, and memory is a small multiple of the text. Column names are trimmed of spaces.
class CsvTable {
 public:
  /// Reads a plain or gzip file; "-" is standard input, named "stdin"; Parquet and
  /// Arrow IPC files (io/arrow_plugin.h) are read as the CSV text of their rows. Throws DataError "file:line:
  /// ..." for: no header, a ragged row, a blank line between rows, an open quote, text after a closing quote,
  /// two columns of one name, bytes that are not UTF-8.
  static CsvTable read(const std::filesystem::path& path, const CsvOptions& options = {});
  /// The same for text in memory; `name` stands for the file in messages.
  static CsvTable parse(std::string text, std::string name, const CsvOptions& options = {});
  /// The same for the text of a file whose budget allows so many cells and no more.
  static CsvTable parse(std::string text, std::string name, FileBudget budget, const CsvOptions& options);

  const std::string& name() const { return name_; }
  char delimiter() const { return delimiter_; }
  std::size_t rows() const { return lines_.size() - 1; }
  std::size_t columns() const { return columns_; }
  std::string_view column_name(std::size_t column) const { return view(cells_[column]); }
  std::string_view cell(std::size_t row, std::size_t column) const {
    return view(cells_[(row + 1) * columns_ + column]);
  }
  /// Where the record starts in the file, counted from 1 as editors do.
  std::int64_t header_line() const { return lines_.front(); }
  std::int64_t line(std::size_t row) const { return lines_[row + 1]; }

  /// Where a row starts in the text that was parsed.
  std::size_t row_offset(std::size_t row) const;
  /// Forgets the rows from `rows` on.
  void keep_rows(std::size_t rows);

  /// The column of exactly this name.
  std::optional<std::size_t> find(std::string_view column_name) const;
  std::vector<std::string> column_names() const;

 private:
  friend class CsvParser;
  struct Cell {
    std::uint32_t offset, size;
  };
  CsvTable() = default;
  static CsvTable read_arrow(const std::filesystem::path& path);
  std::string_view view(Cell cell) const { return std::string_view(text_).substr(cell.offset, cell.size); }
  void index_columns();

  std::string text_;
  std::string name_;
  char delimiter_ = ',';
  std::size_t columns_ = 0;
  std::vector<Cell> cells_;                     ///< the header's, then row by row
  std::vector<std::uint32_t> lines_;            ///< of the header, then of each row
  std::vector<std::uint32_t> columns_by_name_;  ///< sorted by name, for find()
};

/// Text of a file as a message may show it: in double quotes, at most 40 bytes, on one line. UTF-8 stays
/// readable, unlike in in_quotes (core/bytes.h), which is for names out of binary files.
std::string shown(std::string_view text);

/// Builds CSV text row by row, to be written in one go. Cells are quoted where RFC 4180 demands it.
class CsvText {
 public:
  explicit CsvText(char delimiter = ',') : delimiter_(delimiter) {}

  CsvText& cell(std::string_view text);
  /// The shortest digits that read back as the same double; NaN is an empty cell.
  CsvText& cell(double value);
  CsvText& cell(std::int64_t value);
  CsvText& end_row();

  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  void separate();

  char delimiter_;
  bool at_row_start_ = true;
  std::string text_;
};

}  // namespace arzoo::io
