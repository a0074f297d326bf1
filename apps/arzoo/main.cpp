// The program `arzoo`: parses the command line, runs the chosen command, and maps every error to its exit
// code.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <new>

#include "command_line.h"
#include "output.h"

namespace {

using namespace arzoo;

ExitCode run(const std::vector<std::string>& words) {
  cli::Invocation invocation;
  const auto root = cli::make_command_line(invocation);
  cli::parse_words(*root, invocation, words);
  return invocation.action();
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
    cli::report_error(code, message, json);
    return static_cast<int>(code);
  };
  try {
    return static_cast<int>(run(words));
  } catch (const Error& error) {
    return answer(error.exit_code(), error.what());
  } catch (const std::bad_alloc&) {
    return answer(ExitCode::internal, "out of memory");
  } catch (const std::exception& error) {
    return answer(ExitCode::internal, std::string("internal: ") + error.what());
  }
}
