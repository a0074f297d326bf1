#include "core/output_folder.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text_file.h"

namespace arzoo {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecordName = ".arzoo-files";
constexpr std::uint64_t kLargestRecord = std::uint64_t{256} << 20;

/// A record may come from anywhere: it must not reach beyond its folder.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos;
}

}  // namespace

void make_folder(const fs::path& path) {
  if (path.empty()) fail<UsageError>("the path of a folder is empty, expected its name");
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail_with(path, "cannot be made", error.value());
}

OutputFolder::OutputFolder(fs::path path) : path_(std::move(path)), record_(path_ / kRecordName) {
  make_folder(path_);
  std::error_code ignored;
  const auto status = fs::symlink_status(record_, ignored);
  if (!fs::exists(status)) return;
  if (!fs::is_regular_file(status))
    fail<UsageError>("{}: is not a regular file, expected the record of what was written here",
                     record_.string());
  earlier_ = read_record();
}

OutputFolder::Content OutputFolder::content_of(std::string_view bytes) {
  return {bytes.size(), static_cast<std::uint32_t>(
                            ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()))};
}

std::string OutputFolder::line_of(const std::string& name, const Content& content) {
  return fmt::format("{:08x} {} {}\n", content.checksum, content.bytes, name);
}

OutputFolder::Record OutputFolder::read_record() const {
  Record record;
  std::istringstream text(read_text_file(record_, kLargestRecord));
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    Content content;
    std::string name;
    // A line that is cut, by a kill or a full disk, belongs to a file that was not written.
    if (!(words >> std::hex >> content.checksum >> std::dec >> content.bytes)) continue;
    words.ignore(1);
    if (std::getline(words, name) && is_plain_name(name)) record[name].push_back(content);
  }
  return record;
}

void OutputFolder::append_record(std::string_view line) const {
  const int file = ::open(record_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (file < 0) fail_with(record_, "cannot be written", errno);
  const auto written = ::write(file, line.data(), line.size());
  const int error = written < 0 ? errno : ENOSPC;
  ::close(file);
  if (written != static_cast<ssize_t>(line.size())) fail_with(record_, "cannot be written", error);
}

fs::path OutputFolder::write(const std::string& name, std::string_view bytes) {
  const auto content = content_of(bytes);
  append_record(line_of(name, content));
  write_atomically(path_ / name, bytes);
  written_[name] = {content};
  return path_ / name;
}

bool OutputFolder::is_as_recorded(const std::string& name, const std::vector<Content>& contents) const {
  std::error_code error;
  const auto file = path_ / name;
  if (!fs::is_regular_file(fs::symlink_status(file, error))) return false;
  const auto size = fs::file_size(file, error);
  const auto has_size = [size](const Content& content) { return content.bytes == size; };
  if (error || std::none_of(contents.begin(), contents.end(), has_size)) return false;
  std::ifstream in(file, std::ios::binary);
  std::string bytes(size, '\0');
  if (!in.read(bytes.data(), static_cast<std::streamsize>(size))) return false;
  return std::find(contents.begin(), contents.end(), content_of(bytes)) != contents.end();
}

std::size_t OutputFolder::finish(const std::function<bool(std::string_view name)>& is_stale) {
  std::size_t removed = 0;
  for (const auto& [name, contents] : earlier_) {
    if (written_.contains(name)) continue;
    if (!is_stale(name)) {
      written_.emplace(name, contents);
    } else if (is_as_recorded(name, contents)) {
      std::error_code error;
      if (!fs::remove(path_ / name, error) && error)
        fail_with(path_ / name, "cannot be removed", error.value());
      ++removed;
    }
  }
  std::string text;
  for (const auto& [name, contents] : written_) {
    for (const auto& content : contents) text += line_of(name, content);
  }
  write_atomically(record_, text);
  return removed;
}

}  // namespace arzoo
