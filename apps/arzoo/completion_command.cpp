#include <CLI/CLI.hpp>

#include "commands.h"
#include "completion_script.h"
#include "output.h"
#include "value_checks.h"

namespace arzoo::cli {

void add_completion_command(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand("completion", "Print the completion script of a shell.");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash or zsh")
      ->type_name("bash|zsh")
      ->check(choice({"bash", "zsh"}))
      ->required();
  command->footer("example:\n  eval \"$(arzoo completion bash)\"");
  on_chosen(*command, invocation, [shell, &root] {
    write_stdout(*shell == "zsh" ? zsh_completion(root) : bash_completion(root));
    return ExitCode::ok;
  });
}

}  // namespace arzoo::cli
