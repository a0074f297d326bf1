#include <CLI/CLI.hpp>

#include "commands.h"
#include "completion_script.h"
#include "man_page.h"
#include "output.h"
#include "value_checks.h"

namespace arzoo::cli {

void add_completion_command(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand("completion", "Print the completion script of a shell.");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->type_name("bash|zsh|fish")
      ->check(choice({"bash", "zsh", "fish"}))
      ->required();
  command->footer("example:\n  eval \"$(arzoo completion bash)\"");
  on_chosen(*command, invocation, [shell, &root] {
    const auto script = *shell == "zsh"    ? &zsh_completion
                        : *shell == "fish" ? &fish_completion
                                           : &bash_completion;
    write_stdout(script(root));
    return ExitCode::ok;
  });
}

void add_man_command(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand("man", "Print the manual page.");
  command->footer("example:\n  arzoo man | man -l -");
  on_chosen(*command, invocation, [&root] {
    write_stdout(man_page(root));
    return ExitCode::ok;
  });
}

}  // namespace arzoo::cli
