#include "core/replace_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/error.h"

namespace arzoo {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = ".arzoo-";
constexpr std::string_view kTemporary = ".tmp";
constexpr std::string_view kOld = ".old";

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

fs::path old_name(const fs::path& target) {
  return folder_of(target) / fmt::format("{}{}{}", kPrefix, target.filename().string(), kOld);
}

void remove_whole(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) fail_with(path, "cannot be removed", error.value());
}

fs::path make_temporary_beside(const fs::path& target) {
  static std::atomic<unsigned> count{0};
  for (;;) {
    fs::path folder = folder_of(target) / fmt::format("{}{}-{}{}", kPrefix, ::getpid(), count++, kTemporary);
    std::error_code error;
    if (fs::create_directory(folder, error)) return folder;
    // A name that exists already is a killed process's, whose id came round again.
    if (error) fail_with(target, "cannot be written", error.value());
  }
}

/// Flushes one file or folder to disk; a file system that cannot sync a folder (EINVAL) promises nothing
/// anyway.
void sync(const fs::path& path, int flags) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | flags);
  if (fd < 0) fail_with(path, "cannot be flushed to disk", errno);
  const bool synced = ::fsync(fd) == 0 || errno == EINVAL;
  const int error = errno;
  ::close(fd);
  if (!synced) fail_with(path, "cannot be flushed to disk", error);
}

void sync_tree(const fs::path& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const auto status = entry->symlink_status(error);
    if (fs::is_directory(status)) sync(entry->path(), O_DIRECTORY);
    if (fs::is_regular_file(status)) sync(entry->path(), 0);
  }
  if (error) fail_with(folder, "cannot be flushed to disk", error.value());
  sync(folder, O_DIRECTORY);
}

/// Gives `folder` the name `target`. Afterwards the old folder, if there was one, has the name that is
/// returned.
fs::path swap_in(const fs::path& folder, const fs::path& target) {
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(target, ignored))) {
    if (::rename(folder.c_str(), target.c_str()) != 0)
      fail_with(target, "cannot be renamed into place", errno);
    return {};
  }
  if (::renameat2(AT_FDCWD, folder.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) return folder;
  if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP) fail_with(target, "cannot be replaced", errno);
  fs::path old = old_name(target);
  remove_whole(old);
  if (::rename(target.c_str(), old.c_str()) != 0) fail_with(target, "cannot be replaced", errno);
  if (::rename(folder.c_str(), target.c_str()) != 0) {
    const int error = errno;
    ::rename(old.c_str(), target.c_str());
    fail_with(target, "cannot be renamed into place", error);
  }
  return old;
}

}  // namespace

void replace_folder(const fs::path& where, const std::function<void(const fs::path& folder)>& fill) {
  const fs::path target = where.has_filename() ? where : where.parent_path();  // "last/" is "last"
  const fs::path folder = make_temporary_beside(target);
  fs::path old;
  try {
    fill(folder);
    sync_tree(folder);
    old = swap_in(folder, target);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    throw;
  }
  sync(folder_of(target), O_DIRECTORY);
  if (!old.empty()) remove_whole(old);
}

void recover_folders(const fs::path& parent) {
  std::vector<fs::path> left_over;
  std::error_code error;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().filename().string().starts_with(kPrefix)) left_over.push_back(entry->path());
  }
  if (error) fail_with(parent, "cannot be read", error.value());
  for (const auto& path : left_over) {
    const std::string name = path.filename().string();
    if (name.ends_with(kOld)) {
      const fs::path target =
          parent / name.substr(kPrefix.size(), name.size() - kPrefix.size() - kOld.size());
      if (!fs::exists(fs::symlink_status(target, error))) fs::rename(path, target, error);
      if (error && error != std::errc::no_such_file_or_directory)
        fail_with(target, "cannot be restored", error.value());
    }
    if (name.ends_with(kOld) || name.ends_with(kTemporary)) remove_whole(path);
  }
}

}  // namespace arzoo
