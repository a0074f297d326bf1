#include "fuzz/commands/command_target.h"

#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <limits>

#include "fuzz/commands/heap_peak.h"
#include "tasks/failure.h"

namespace arzoo::fuzz {
namespace {

[[noreturn]] void end_with(const std::string& finding) {
  std::fprintf(stderr, "%s\n", finding.c_str());
  std::abort();
}

void end_too_slow(int) {
  constexpr std::string_view kText = "time: more than the limit for this input\n";
  [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, kText.data(), kText.size());
  std::abort();
}

/// Aborts the process when it computes for longer.
class TimeLimit {
 public:
  explicit TimeLimit(double seconds) {
    std::signal(SIGPROF, end_too_slow);
    set(seconds);
  }
  ~TimeLimit() { set(0); }
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

 private:
  static void set(double seconds) {
    itimerval time{};
    time.it_value.tv_sec = static_cast<time_t>(seconds);
    time.it_value.tv_usec =
        static_cast<suseconds_t>((seconds - static_cast<double>(time.it_value.tv_sec)) * 1e6);
    ::setitimer(ITIMER_PROF, &time, nullptr);
  }
};

fs::path folder_for_files() {
  const bool in_memory = std::getenv("TMPDIR") == nullptr && ::access("/dev/shm", W_OK) == 0;
  return (in_memory ? fs::path("/dev/shm") : fs::temp_directory_path()) /
         ("arzoo_fuzz_" + std::to_string(::getpid()));
}

/// The reason of a refusal; nothing of a command that accepts its input.
std::string refusal_of(const CommandTarget::Command& command) {
  ProgressOutput output;
  output.write = [](std::string_view) {};
  const auto progress = make_line_progress({Verbosity::verbose, false, false}, output);
  try {
    command(*progress);
  } catch (const std::exception&) {
    const auto failure = tasks::current_failure();
    if (failure.code == ExitCode::internal) end_with(failure.text);
    return failure.text;
  }
  return "";
}

}  // namespace

CommandTarget::CommandTarget(double seconds) : folder_(folder_for_files()), seconds_(seconds) {
  fs::create_directories(folder_);
}

CommandTarget::~CommandTarget() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

fs::path CommandTarget::write(const std::string& name, std::string_view bytes) const {
  auto path = folder_ / name;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

void CommandTarget::measure(const Command& on_sample) {
  start_heap_limit(std::numeric_limits<std::int64_t>::max() / 2);
  const auto refusal = refusal_of(on_sample);
  base_ = std::max(base_, stop_heap_limit());
  if (!refusal.empty()) end_with("the sample is refused: " + refusal);
}

void CommandTarget::run(std::size_t input_bytes, const Command& command) const {
  const auto bytes = static_cast<double>(input_bytes);
  const TimeLimit until_it_ends(seconds_ + kSecondsPerByte * bytes);
  start_heap_limit(base_ + static_cast<std::int64_t>(kFloor + kPerByte * bytes));
  refusal_of(command);
  stop_heap_limit();
}

std::string_view take_part(std::string_view& bytes, char separator) {
  const auto end = std::min(bytes.find(separator), bytes.size());
  const auto part = bytes.substr(0, end);
  bytes.remove_prefix(std::min(end + 1, bytes.size()));
  return part;
}

}  // namespace arzoo::fuzz

/// Read by the address sanitizer where there is one. Objects with and without it share containers; what is
/// freed is not kept for long, or it would be most of the program's memory.
extern "C" const char* __asan_default_options() {
  return "detect_container_overflow=0:quarantine_size_mb=32";
}
