#include "core/mapped_file.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/input_file.h"

namespace arzoo {

MappedFile::MappedFile(std::filesystem::path path, char* data, std::size_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(data_, size_);
}

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const auto file = InputFile::open<CheckpointError>(path);
  const auto size = static_cast<std::size_t>(file.size());
  char* data = nullptr;
  if (size > 0) {
    // MAP_NORESERVE: private copies are the exception, so a 10 GB checkpoint must not reserve 10 GB of swap.
    void* at =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.descriptor(), 0);
    if (at == MAP_FAILED)
      fail<SystemFailure>("{}: cannot be mapped into memory: {}", path.string(), std::strerror(errno));
    data = static_cast<char*>(at);
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(path, data, size));
}

}  // namespace arzoo
