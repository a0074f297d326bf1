#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace arzoo {

/// A file named by the user, open for reading. All input from outside is read through it: what is not a
/// regular file would block (a FIFO without a writer), never end (a device) or is no file at all, and is
/// refused at once.
class InputFile {
 public:
  /// Besides regular files: the unnamed pipes of a shell ("<(zcat a.csv.gz)", "/dev/stdin"), which have a
  /// writer. FIFOs in the file system are refused all the same.
  enum class Pipes { refused, allowed };

  /// Throws Failure "path: why" for what cannot be opened or is not a regular file.
  template <class Failure>
  static InputFile open(const std::filesystem::path& path, Pipes pipes = Pipes::refused) {
    InputFile file(path, pipes);
    if (!file.refusal_.empty()) throw Failure(file.name_ + ": " + file.refusal_);
    return file;
  }
  /// Standard input, named "stdin", of any kind but a folder. Throws DataError if it is closed.
  static InputFile standard_input();
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  int descriptor() const { return descriptor_; }
  /// Bytes of a regular file at opening; 0 for a pipe, whose size is unknown.
  std::uint64_t size() const { return size_; }
  /// Up to `size` bytes from where the last call ended; 0 at the end. Throws DataError.
  std::size_t read(char* to, std::size_t size) const;

 private:
  InputFile() = default;
  InputFile(const std::filesystem::path& path, Pipes pipes);

  std::string name_, refusal_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace arzoo
