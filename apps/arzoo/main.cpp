// The program `arzoo`: parses the command line, runs the chosen command, and maps every error to its exit
// code.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <new>

#include "command_line.h"
#include "launched_ranks.h"
#include "output.h"
#include "stop_signal.h"
#include "user_folders.h"

namespace {

using namespace arzoo;

ExitCode run(const std::vector<std::string>& words) {
  cli::Invocation invocation;
  invocation.compute.cache = cli::user_cache_folder();
  const auto root = cli::make_command_line(invocation);
  cli::parse_words(*root, invocation, words);
  return invocation.action();
}

/// Ends the process without LibTorch's destructors: they would take a third of a short command's time and
/// change nothing.
[[noreturn]] void leave(ExitCode code) {
  std::cout.flush();
  std::fflush(nullptr);
  std::_Exit(code == ExitCode::interrupted ? 128 + cli::stop_signal() : static_cast<int>(code));
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that goes away (`arzoo models | head`) ends the program without a word.
  std::signal(SIGPIPE, SIG_DFL);
  // A file size limit is an error that names the file, not the end of the process.
  std::signal(SIGXFSZ, SIG_IGN);
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  // Asked of the words themselves: they may not parse.
  const bool json = std::find(words.begin(), words.end(), "--json") != words.end();
  const auto answer = [json](ExitCode code, std::string_view message) {
    const bool is_said = (code == ExitCode::usage || code == ExitCode::interrupted) && cli::is_second_voice();
    if (!is_said) cli::report_error(code, message, json);
    leave(code);
  };
  try {
    leave(run(words));
  } catch (const Error& error) {
    answer(error.exit_code(), error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    answer(error_of(error).exit_code(), error_of(error).what());
  } catch (const std::bad_alloc&) {
    answer(ExitCode::internal, "out of memory");
  } catch (const std::exception& error) {
    answer(ExitCode::internal, std::string("internal: ") + error.what());
  }
}
