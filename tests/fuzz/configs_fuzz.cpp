// Configs: JSON, then the strict reading of every section. What is accepted reads again as the same.

#include "fuzz/fuzz_target.h"
#include "plan/run_config.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  arzoo::fuzz::refuse_or_accept([&] {
    const auto resolved = arzoo::plan::resolve_run_config(arzoo::Config::parse(text, "input"), ".");
    const arzoo::Config again(resolved, "again");
    if (arzoo::plan::resolve_run_config(again, ".") != resolved) std::abort();
  });
  return 0;
}
