/// Whether the limits of a command's fuzz target end the process, and nothing else does: each case runs in a
/// child.

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "core/error.h"
#include "fuzz/commands/command_target.h"

namespace {

using arzoo::Progress;
using arzoo::fuzz::CommandTarget;

constexpr std::size_t kInput = 100'000, kLimit = 64'800'000;

/// A pointer that the compiler must take for used.
void use(void* data) { asm volatile("" : : "r"(data) : "memory"); }

struct Case {
  const char* what;
  bool ends;  ///< by SIGABRT
  CommandTarget::Command command;
};

void allocate(void* (*allocator)(std::size_t), std::size_t bytes) {
  void* const data = allocator(bytes);
  use(data);
  std::free(data);
}

const Case kCases[] = {
    {"little memory, often", false,
     [](Progress&) {
       for (int i = 0; i < 100; ++i) allocate(std::malloc, kLimit / 2);
     }},
    {"too much by malloc", true, [](Progress&) { allocate(std::malloc, kLimit + 1); }},
    {"too much by calloc", true,
     [](Progress&) { allocate([](std::size_t bytes) { return std::calloc(1, bytes); }, kLimit + 1); }},
    {"too much by realloc", true,
     [](Progress&) {
       allocate([](std::size_t bytes) { return std::realloc(std::malloc(bytes / 2), bytes); }, kLimit + 1);
     }},
    {"too much by posix_memalign", true,
     [](Progress&) {
       allocate(
           [](std::size_t bytes) {
             void* data = nullptr;
             return ::posix_memalign(&data, 64, bytes) == 0 ? data : nullptr;
           },
           kLimit + 1);
     }},
    {"too much in small pieces", true,
     [](Progress&) {
       std::vector<std::string> pieces;
       for (std::size_t i = 0; i < kLimit / 1000; ++i) pieces.emplace_back(1000, 'x');
     }},
    {"too much time", true,
     [](Progress&) {
       for (volatile bool go = true; go;) {
       }
     }},
    {"a refusal", false, [](Progress&) { throw arzoo::DataError("refused"); }},
    {"another exception", true, [](Progress&) { throw std::runtime_error("unforeseen"); }},
};

/// Whether the case ends as it should.
bool holds(const CommandTarget& target, const Case& which) {
  const pid_t child = ::fork();
  if (child == 0) {
    target.run(kInput, which.command);
    std::_Exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return which.ends ? WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT : WIFEXITED(status);
}

}  // namespace

int main() {
  const CommandTarget target(0.2);
  int failed = 0;
  for (const auto& which : kCases) {
    const bool passed = holds(target, which);
    std::printf("%s: %s\n", passed ? "pass" : "FAIL", which.what);
    failed += passed ? 0 : 1;
  }
  return failed == 0 ? 0 : 1;
}
