// Training on prompts that are generated on the fly.

#include "runtime/named_tensors.h"
#include "support/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

Json tiny(const std::string& model, int64_t steps) {
  const auto file = Config::load(test::source_dir() / "configs" / "icl" / (model + "_tiny.json"));
  Json config = file.json();
  config["training"]["epochs"] = 3;
  config["training"]["max_steps"] = steps;
  return config;
}

Json go(const Json& config, const fs::path& out, bool resume) {
  auto task = test::train_task(config, out);
  task.resume = resume;
  SilentProgress progress;
  return tasks::train(task, progress, test::kNeverStop);
}

}  // namespace

TEST_CASE("a resumed run generates the same prompts: its weights are those of an uninterrupted run") {
  const auto model = GENERATE(as<std::string>{}, "vonoswald_transformer", "garg_gpt2", "akyurek_causal_lm",
                              "mesa_transformer", "alpine_nanogpt");
  INFO(model);
  const TempDir temp;
  const auto whole = go(tiny(model, 7), temp / "whole", false);
  go(tiny(model, 3), temp / "parts", false);
  const auto parts = go(tiny(model, 7), temp / "parts", true);
  CHECK(parts["steps"] == 7);
  const auto expected = runtime::open_tensors(temp / "whole" / "last");
  for (const auto& [name, tensor] : runtime::open_tensors(temp / "parts" / "last")) {
    INFO(name);
    CHECK(at::equal(tensor, expected.at(name)));
  }
}

TEST_CASE("a finished run has a report and a model under the official names") {
  const TempDir temp;
  go(tiny("akyurek_causal_lm", 4), temp / "run", false);
  CHECK(fs::exists(temp / "run" / "report.html"));
  const auto weights = runtime::open_tensors(temp / "run" / "model");
  CHECK(weights.contains("Transformer_0/Encoder1DBlock_1/SelfAttention_0/out/kernel"));
}
