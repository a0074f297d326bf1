#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace arzoo {

/// The memory that reading one file may take, in proportion to the file's size and not to the sizes in its
/// header. A command that reads a file takes at most 64 MB and 8 times the file's size, before what its own
/// work needs: its parsers have the larger part of that, the rest is for the file's bytes and for the
/// command's output about them. A parser charges an allocation before it makes it.
class FileBudget {
 public:
  static constexpr std::uint64_t kFloor = std::uint64_t{56} << 20, kPerByte = 7;

  /// where: the file, named in messages; file_bytes: its size as it is stored; denser: how many times more
  /// that holds than other files of this size do.
  FileBudget(std::string_view where, std::uint64_t file_bytes, std::uint64_t denser = 1)
      : where_(where),
        file_bytes_(file_bytes),
        most_(kFloor + kPerByte * denser * file_bytes),
        left_(most_) {}

  /// Throws Failure, naming `what` ("its pixels"), when `bytes` more are too much for this file.
  template <class Failure = DataError>
  void charge(std::uint64_t bytes, std::string_view what) {
    if (bytes > left_) {
      fail<Failure>("{}: {} would take more than {} bytes of memory, too much for a file of {}", where_, what,
                    most_, file_bytes_);
    }
    left_ -= bytes;
  }

  std::uint64_t left() const { return left_; }
  /// Of the file as it is stored: a packed one expands to more.
  std::uint64_t file_bytes() const { return file_bytes_; }

 private:
  std::string where_;
  std::uint64_t file_bytes_, most_, left_;
};

}  // namespace arzoo
