#include "core/metrics_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/json_reader.h"
#include "core/line_reader.h"
#include "core/text_file.h"

namespace arzoo {

namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 20;

/// The object of one line; nothing when it is not a log line.
std::optional<Json> log_line(std::string_view line) {
  // Most of what is none is seen at once, without the reader's message.
  const auto first = line.find_first_not_of(" \t\r");
  if (first == std::string_view::npos || line[first] != '{') return std::nullopt;
  // Less than a file may take: a report is made beside the line.
  JsonLimits limits;
  limits.memory_floor = std::size_t{8} << 20;
  auto object = try_read_json(line, limits);
  if (!object || !object->is_object()) return std::nullopt;
  const auto step = object->find("step");
  if (step == object->end() || !step->is_number_integer()) return std::nullopt;
  return object;
}

}  // namespace

MetricsLog::MetricsLog(std::filesystem::path path, std::int64_t last_step) : path_(std::move(path)) {
  cut_after(last_step);
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd_ < 0) fail_here(errno);
}

MetricsLog::~MetricsLog() {
  if (fd_ >= 0) ::close(fd_);
}

void MetricsLog::cut_after(std::int64_t last_step) const {
  std::error_code error;
  // What is there and is no regular file is refused: a pipe would be waited for.
  if (!std::filesystem::exists(path_, error) && !error) return;
  std::string text;
  try {
    text = read_text_file(path_);
  } catch (const DataError& failure) {
    throw CheckpointError(failure.what());
  }

  std::string kept;
  kept.reserve(text.size());
  std::size_t number = 1;
  for (std::size_t at = 0; at < text.size(); ++number) {
    const std::size_t end = text.find('\n', at);
    // Without its line end it is the line that the run was killed in.
    if (end == std::string::npos) break;
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    const auto object = log_line(line);
    if (!object) {
      fail<CheckpointError>(
          "{}:{}: is not a line of a training log, expected a JSON object with a whole number \"step\"",
          path_.string(), number);
    }
    if (object->at("step").get<std::int64_t>() <= last_step) kept.append(line).push_back('\n');
  }
  if (kept.size() != text.size()) write_atomically(path_, kept);
}

void MetricsLog::append(const Json& object) {
  const std::string line = dump_json(object) + '\n';
  struct stat before {};
  if (::fstat(fd_, &before) != 0) fail_here(errno);
  for (std::string_view left = line; !left.empty();) {
    const ssize_t written = ::write(fd_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      // Half a line would be one that no reader of the file understands.
      if (left.size() != line.size() && ::ftruncate(fd_, before.st_size) != 0) fail_here(errno);
      fail_here(error);
    }
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

void MetricsLog::fail_here(int error) const { fail_with(path_, "cannot be written", error); }

BadLines read_metrics(const std::filesystem::path& path, const std::function<void(const Json&)>& use) {
  // Looked at before it is opened for reading by lines, which would wait for the writer of a pipe.
  InputFile::open<CheckpointError>(path);
  std::ifstream in(path, std::ios::binary);
  if (!in) fail<CheckpointError>("{}: cannot be read", path.string());
  BadLines bad;
  std::string line;
  for (std::size_t number = 1;; ++number) {
    const auto read = next_line(in, line, kLongestLine);
    if (read == LineRead::end) return bad;
    const auto object = read == LineRead::whole ? log_line(line) : std::nullopt;
    if (object) {
      use(*object);
    } else if (!in.eof() && bad.count++ == 0) {
      bad.first = number;
    }
  }
}

}  // namespace arzoo
