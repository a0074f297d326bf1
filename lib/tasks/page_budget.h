#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace arzoo::tasks {

/// The memory that a part of a report may take, in proportion to the files that it is about: a few bytes of a
/// log or a table can name a chart or a thousand cells of a page. Together with the files' own bytes the
/// parts of a report are held to what core/file_budget.h says of a command.
class PageBudget {
 public:
  /// where: what the files are, named in messages.
  PageBudget(std::string where, std::uint64_t floor, std::uint64_t per_byte, std::uint64_t file_bytes)
      : where_(std::move(where)),
        file_bytes_(file_bytes),
        most_(floor + per_byte * file_bytes),
        left_(most_) {}

  /// Throws DataError, naming `what` ("its curves"), when `bytes` more are too much.
  void charge(std::uint64_t bytes, std::string_view what) {
    if (bytes > left_) {
      fail<DataError>(
          "{}: {} would take more than {} bytes of memory, too much for {} bytes of logs and tables", where_,
          what, most_, file_bytes_);
    }
    left_ -= bytes;
  }

  /// In a page `characters` are there three times while it is made, each as up to six (&quot;).
  void charge_text(std::size_t characters, std::string_view what) { charge(18 * characters, what); }

 private:
  std::string where_;
  std::uint64_t file_bytes_, most_, left_;
};

}  // namespace arzoo::tasks
