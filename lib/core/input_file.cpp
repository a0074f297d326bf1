#include "core/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/fetched_data.h"

namespace arzoo {
namespace {

/// Whether a FIFO has no name in any file system, as those that pipe(2) makes.
bool is_unnamed_pipe(int descriptor) {
  constexpr long kPipeFileSystem = 0x50495045;  // PIPEFS_MAGIC of linux/magic.h
  struct statfs file_system {};
  return ::fstatfs(descriptor, &file_system) == 0 && file_system.f_type == kPipeFileSystem;
}

void wait_for_data(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags >= 0) ::fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK);
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path, Pipes pipes)
    : name_(path.string()),
      // O_NONBLOCK: a FIFO must be refused below, not waited for.
      descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  struct stat status {};
  if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) {
    const int error = errno;
    refusal_ = std::string("cannot be opened: ") + std::strerror(error);
    if (error == ENOENT) refusal_ += fetch_hint(path);
  } else if (S_ISREG(status.st_mode)) {
    size_ = static_cast<std::uint64_t>(status.st_size);
  } else if (pipes == Pipes::allowed && S_ISFIFO(status.st_mode) && is_unnamed_pipe(descriptor_)) {
    wait_for_data(descriptor_);
  } else if (S_ISDIR(status.st_mode)) {
    refusal_ = "is a folder, expected a file";
  } else {
    refusal_ = S_ISFIFO(status.st_mode) ? "is not a regular file (a named pipe)"
                                        : "is not a regular file (a device or a socket)";
  }
}

InputFile InputFile::standard_input() {
  InputFile file;
  file.name_ = "stdin";
  file.descriptor_ = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  struct stat status {};
  if (file.descriptor_ < 0 || ::fstat(file.descriptor_, &status) != 0)
    fail<DataError>("stdin: cannot be read: {}", std::strerror(errno));
  if (S_ISREG(status.st_mode)) file.size_ = static_cast<std::uint64_t>(status.st_size);
  return file;
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

InputFile::InputFile(InputFile&& other) noexcept
    : name_(std::move(other.name_)),
      refusal_(std::move(other.refusal_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_) {}

std::size_t InputFile::read(char* to, std::size_t size) const {
  for (;;) {
    const ssize_t got = ::read(descriptor_, to, size);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) fail<DataError>("{}: cannot be read: {}", name_, std::strerror(errno));
  }
}

}  // namespace arzoo
