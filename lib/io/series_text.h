#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "core/file_budget.h"
#include "core/input_file.h"
#include "io/arrow_plugin.h"

namespace arzoo::io {

/// The bytes of a CSV file or of standard input ("-"), or the rows of a Parquet or Arrow file as CSV text,
/// as they come.
class SeriesText {
 public:
  /// Throws DataError for a file that cannot be opened, or whose plug-in is not there.
  explicit SeriesText(const std::filesystem::path& path);

  /// Up to `size` bytes from where the last call ended; 0 at the end. Throws DataError.
  std::size_t read(char* to, std::size_t size);

  /// As messages call it.
  const std::string& name() const { return name_; }
  /// Bytes of the file at opening; 0 for a pipe.
  std::uint64_t size() const { return file_.size(); }
  /// Whether the text is made of an Arrow file's rows: with commas, UTF-8, never packed.
  bool is_of_arrow() const { return rows_ != nullptr; }
  /// What the text of an Arrow file and its parser may take together.
  FileBudget budget() const;

 private:
  std::string name_;
  InputFile file_;
  std::unique_ptr<ArrowReader> rows_;
  std::string piece_;     ///< of the rows
  std::size_t used_ = 0;  ///< of the piece
};

}  // namespace arzoo::io
