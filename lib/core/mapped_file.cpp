#include "core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace arzoo {

namespace {

class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

MappedFile::MappedFile(std::filesystem::path path, char* data, std::size_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(data_, size_);
}

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: a named pipe must be refused below, not waited for.
  const Descriptor file(path);
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) {
    fail<CheckpointError>("{}: cannot be opened: {}", path.string(), std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) fail<CheckpointError>("{}: is not a regular file", path.string());
  const auto size = static_cast<std::size_t>(status.st_size);
  char* data = nullptr;
  if (size > 0) {
    // MAP_NORESERVE: private copies are the exception, so a 10 GB checkpoint must not reserve 10 GB of swap.
    void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.get(), 0);
    if (at == MAP_FAILED)
      fail<SystemFailure>("{}: cannot be mapped into memory: {}", path.string(), std::strerror(errno));
    data = static_cast<char*>(at);
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(path, data, size));
}

}  // namespace arzoo
