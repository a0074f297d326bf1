#include "core/run_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/json.h"
#include "core/output_folder.h"
#include "core/replace_folder.h"

namespace arzoo {

namespace {

namespace fs = std::filesystem;

constexpr const char* kLock = "lock";

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    paths.push_back(entry->path());
  }
  if (error) fail_with(folder, "cannot be read", error.value());
  return paths;
}

/// Nothing but a lock and half-written temporaries: a run that was killed before its config was written.
bool is_unused(const fs::path& folder) {
  for (const auto& path : entries(folder)) {
    const std::string name = path.filename().string();
    if (name != kLock && !name.starts_with(".arzoo-")) return false;
  }
  return true;
}

/// A model folder has a config.json as well, hence a second sign.
bool holds_run(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_regular_file(folder / "config.json", error)) return false;
  for (const char* sign : {kLock, "metrics.jsonl", "last", "model"}) {
    if (fs::exists(folder / sign, error)) return true;
  }
  return false;
}

std::string read_owner(int lock) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(lock, text.data(), text.size(), 0);
  std::string pid;
  for (ssize_t i = 0;
       i < size && text[static_cast<std::size_t>(i)] >= '0' && text[static_cast<std::size_t>(i)] <= '9';
       ++i) {
    pid += text[static_cast<std::size_t>(i)];
  }
  return pid.empty() ? "another process" : "process " + pid;
}

/// Takes the folder's lock and writes the process id into it.
int lock_folder(const fs::path& folder) {
  const fs::path path = folder / kLock;
  const int lock = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
  if (lock < 0) fail_with(path, "cannot be written", errno);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    if (error == EWOULDBLOCK) {
      const std::string owner = read_owner(lock);
      ::close(lock);
      fail<UsageError>("{}: {} is working in this run (wait for it, or --out another folder)",
                       folder.string(), owner);
    }
    if (error != ENOSYS && error != ENOTSUP && error != ENOLCK && error != EINVAL) {
      ::close(lock);
      fail_with(path, "cannot be locked", error);
    }
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(lock, 0) != 0 ||
      ::pwrite(lock, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    const int error = errno;
    ::close(lock);
    fail_with(path, "cannot be written", error);
  }
  return lock;
}

/// Makes the folder, or checks that what is there may be taken for a run: nothing is written into anything
/// else.
void make_or_accept(const fs::path& path, IfExists if_exists) {
  if (path.empty()) fail<UsageError>("the run's folder has an empty name, expected a path (--out names one)");
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) {
    if (if_exists == IfExists::resume) fail<UsageError>("{}: there is no run to resume", path.string());
    make_folder(path);
    return;
  }
  if (!fs::is_directory(status))
    fail<UsageError>("{}: is not a folder, expected one for the run", path.string());
  if (!is_unused(path) && !holds_run(path)) {
    fail<UsageError>("{}: is not empty and holds no run (--out names another folder)", path.string());
  }
}

void check_resumable(const RunDir& run) {
  if (!holds_run(run.path())) fail<UsageError>("{}: there is no run to resume", run.path().string());
  std::error_code error;
  if (!fs::is_directory(run.last(), error)) {
    fail<UsageError>(
        "{}: was stopped before its state was first saved, there is nothing to resume (remove it and train "
        "anew)",
        run.path().string());
  }
}

/// config.json goes last: until then the folder is still known as a run's.
void remove_run(const RunDir& run) {
  std::vector<fs::path> left;
  for (const auto& path : entries(run.path())) {
    const std::string name = path.filename().string();
    const std::string extension = path.extension().string();
    const bool written_by_run = path == run.model() || path == run.last() || path == run.metrics() ||
                                path == run.report() || name.starts_with("events.out.tfevents.") ||
                                extension == ".svg" || extension == ".png";
    if (written_by_run) left.push_back(path);
  }
  left.push_back(run.config());
  for (const auto& path : left) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) fail_with(path, "cannot be removed", error.value());
  }
}

}  // namespace

RunDir::RunDir(fs::path path, int lock) : path_(std::move(path)), lock_(lock) {}

RunDir::RunDir(RunDir&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

RunDir::~RunDir() {
  if (lock_ >= 0) ::close(lock_);
}

RunDir RunDir::create(const fs::path& path, IfExists if_exists) {
  make_or_accept(path, if_exists);
  RunDir run(path, lock_folder(path));
  recover_folders(path);
  // Only now, under the lock, is what the folder holds certain.
  if (if_exists == IfExists::resume) check_resumable(run);
  if (if_exists == IfExists::fail && !is_unused(path)) {
    fail<UsageError>("{}: holds a run already (--resume continues it, --out names another folder)",
                     path.string());
  }
  if (if_exists == IfExists::replace) remove_run(run);
  return run;
}

void RunDir::write_config(const Json& config) const {
  write_atomically(this->config(), dump_json(config, 2) + '\n');
}

void RunDir::write_report(std::string_view html) const { write_atomically(report(), html); }

void RunDir::save_model(const std::function<void(const fs::path& folder)>& fill) const {
  replace_folder(model(), fill);
}

void RunDir::save_last(const std::function<void(const fs::path& folder)>& fill) const {
  replace_folder(last(), fill);
}

fs::path model_place(const fs::path& path) {
  const auto model = path / "model";
  for (const char* file : {"config.json", "model.safetensors"}) {
    std::error_code none;
    if (fs::exists(model / file, none)) return model;
  }
  return path;
}

}  // namespace arzoo
