#include "core/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/error.h"

namespace arzoo {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBufferBytes = std::size_t{1} << 16;

/// A name beside `target` that no other writer of this machine uses at the same time.
fs::path temporary_beside(const fs::path& target) {
  static std::atomic<unsigned> count{0};
  return target.parent_path() / fmt::format(".arzoo-{}-{}.tmp", ::getpid(), count++);
}

fs::path behind_link(const fs::path& path) {
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  const fs::path target = fs::weakly_canonical(path, error);
  return error ? path : target;
}

/// Makes the rename itself durable. A file system that cannot sync a folder (EINVAL) gives no such promise.
bool sync_folder_of(const fs::path& target) {
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool synced = ::fsync(fd) == 0 || errno == EINVAL;
  const int why = errno;
  ::close(fd);
  errno = why;
  return synced;
}

}  // namespace

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)), target_(behind_link(path_)) {
  struct stat old {};
  const bool exists = ::stat(target_.c_str(), &old) == 0;
  if (exists && !S_ISREG(old.st_mode))
    fail<UsageError>("{}: cannot be written: is not a regular file", path_.string());
  // A temporary that a killed process with this id left behind is skipped.
  do {
    temporary_ = temporary_beside(target_);
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd_ < 0 && errno == EEXIST);
  if (fd_ < 0) fail_here("cannot be written");
  // Best effort: on a file system without permissions the new file has the folder's.
  if (exists && ::fchmod(fd_, old.st_mode & 07777U) != 0) errno = 0;
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::append(std::string_view bytes) {
  if (buffer_.size() + bytes.size() <= kBufferBytes) {
    buffer_ += bytes;
    return;
  }
  write_out(buffer_);
  buffer_.clear();
  write_out(bytes);
}

void AtomicFile::write_out(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_here("cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  write_out(buffer_);
  buffer_.clear();
  if (::fsync(fd_) != 0) fail_here("cannot be flushed to disk");
  // Network file systems report a full disk as late as here.
  if (::close(std::exchange(fd_, -1)) != 0) fail_here("cannot be closed");
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail_here("cannot be renamed into place");
  temporary_.clear();
  if (!sync_folder_of(target_)) fail_here("was written, but its folder cannot be flushed to disk");
}

void AtomicFile::fail_here(std::string_view action) const { fail_with(path_, action, errno); }

void write_atomically(const fs::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.append(bytes);
  file.commit();
}

}  // namespace arzoo
