#include "invocation.h"

#include <CLI/CLI.hpp>

#include "value_checks.h"

namespace arzoo::cli {

void add_shared_options(CLI::App& command, Invocation& invocation) {
  constexpr int64_t kMostThreads = 1024;
  auto& compute = invocation.compute;
  const auto add = [&command](const char* name, auto& value, const char* help, const char* type) {
    return command.add_option(name, value, help)->type_name(type)->group("common options");
  };
  add("--device", compute.device, "where to compute; auto takes a GPU when there is one", "auto|cpu|cuda[:i]")
      ->check(device_name());
  add("--dtype", compute.dtype, "precision of the computation; auto: the fastest within 1 % of loss",
      "fp32|bf16|fp16|auto")
      ->check(choice({"fp32", "bf16", "fp16", "auto"}));
  add("--threads", compute.threads, "CPU threads, all cores by default", "N")
      ->check(whole_number(1, kMostThreads));
  add("--seed", compute.seed, "seed of all random numbers, instead of the config's", "N")
      ->check(whole_number(0, std::numeric_limits<int64_t>::max()));
  const auto flag = [&command](const char* name, bool& value, const char* help) {
    return command.add_flag(name, value, help)->group("common options");
  };
  flag("--json", invocation.json, "print exactly one JSON document on stdout");
  auto* quiet = flag("--quiet", invocation.quiet, "no progress on stderr, warnings alone");
  flag("--verbose", invocation.verbose, "more details on stderr")->excludes(quiet);
  flag("--dry-run", invocation.dry_run, "check everything, print the plan, do no work");
}

void add_inference_options(CLI::App& command, Invocation& invocation) {
  command
      .add_option(
          "--quantize", invocation.compute.quantize,
          "weights of matrix products in 8 or 4 bits: faster or smaller, less exact; auto: int8 where it is "
          "faster here")
      ->type_name("int8|int4|auto")
      ->group("common options")
      ->check(choice({"int8", "int4", "auto"}));
}

void add_state_dict_option(CLI::App& command, std::string& state_dict) {
  command
      .add_option(
          "--state-dict", state_dict,
          "which dict of a .pth file with several, as in model_ema or trainer.net; inspect lists them")
      ->type_name("KEY");
}

void on_chosen(CLI::App& command, Invocation& invocation, std::function<ExitCode()> action) {
  command.callback([&invocation, action = std::move(action)] { invocation.action = action; });
}

}  // namespace arzoo::cli
