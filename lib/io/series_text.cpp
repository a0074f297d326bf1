#include "io/series_text.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "io/series_files.h"

namespace arzoo::io {
namespace {

InputFile open_file(const std::filesystem::path& path) {
  if (path == kStandardStream) return InputFile::standard_input();
  // An Arrow file is read from its end.
  return InputFile::open<DataError>(
      path, is_arrow_file(path) ? InputFile::Pipes::refused : InputFile::Pipes::allowed);
}

}  // namespace

SeriesText::SeriesText(const std::filesystem::path& path)
    : name_(path == kStandardStream ? "stdin" : path.string()), file_(open_file(path)) {
  if (!is_arrow_file(path)) return;
  std::string error;
  rows_ = arrow_plugin(path).open_reader(name_, budget().left(), error);
  if (!rows_) fail<DataError>("{}: {}", name_, error);
}

FileBudget SeriesText::budget() const {
  // Columns packed by dictionaries and run lengths are some eight times denser than their text.
  constexpr std::uint64_t kDenser = 8;
  return {name_, file_.size(), kDenser};
}

std::size_t SeriesText::read(char* to, std::size_t size) {
  if (!rows_) return file_.read(to, size);
  if (used_ == piece_.size()) {
    used_ = 0;
    if (const auto error = rows_->next(piece_); !error.empty()) fail<DataError>("{}: {}", name_, error);
  }
  const auto count = std::min(size, piece_.size() - used_);
  std::memcpy(to, piece_.data() + used_, count);
  used_ += count;
  return count;
}

}  // namespace arzoo::io
