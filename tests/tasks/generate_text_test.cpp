// generate-text with a drafter: the same texts where nothing is sampled, the same whatever the batch.

#include "language/decoder_lm_model.h"
#include "language/primer_model.h"
#include "plan/tasks.h"
#include "runtime/model_folder.h"
#include "support/tasks.h"
#include "support/test.h"
#include "tasks/tasks.h"

using namespace arzoo;
using namespace arzoo::language;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

template <class Model, class Options>
void write_text_model(const fs::path& folder, const Options& options, int64_t seed, double scale) {
  torch::manual_seed(seed);
  Model model(options);
  model.initialise();
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model.parameters()) parameter.add_(at::randn_like(parameter), scale);
  auto section = to_json(options);
  section["name"] = Options::kName;
  runtime::write_model_folder(folder, {{"family", "language"}, {"model", section}, {"context", 32}}, model);
}

DecoderLmOptions options_of(int64_t layers, int64_t vocabulary = 257) {
  DecoderLmOptions options{.architecture = "llama", .vocab_size = vocabulary, .hidden_size = 16};
  options.num_hidden_layers = layers;
  options.num_attention_heads = 2;
  return options;
}

/// A model, and one that drafts for it.
struct TextModels {
  TextModels() {
    write_text_model<DecoderLm>(temp / "model", options_of(2), 1, 0.2);
    write_text_model<DecoderLm>(temp / "small", options_of(1, 260), 2, 0.2);  // with ids that are no bytes
  }
  Json texts(const plan::GenerateTextTask& task) const {
    SilentProgress progress;
    return tasks::run_family_command(task, progress, test::kNeverStop);
  }
  plan::GenerateTextTask task() const {
    plan::GenerateTextTask task;
    task.compute.threads = 1;
    task.compute.seed = 3;
    task.model = temp / "model";
    task.prompts = {"one", "two", "and three"};
    task.count = 2;
    task.max_tokens = 20;
    return task;
  }
  TempDir temp;
};

std::vector<std::vector<int64_t>> ids_of(const Json& result) {
  std::vector<std::vector<int64_t>> ids;
  for (const auto& text : result["texts"]) ids.push_back(text["ids"].get<std::vector<int64_t>>());
  return ids;
}

}  // namespace

TEST_CASE("greedy texts with a drafter are those without, and it tells what it saved") {
  const TextModels models;
  auto task = models.task();
  task.temperature = 0.0;
  task.repetition_penalty = GENERATE(1.0, 1.5);
  const auto plain = models.texts(task);
  CHECK_FALSE(plain.contains("decoding"));
  task.drafts = GENERATE(1, 5);
  task.drafter = models.temp / "small";
  const auto drafted = models.texts(task);
  CHECK(ids_of(drafted) == ids_of(plain));
  CHECK(drafted["decoding"]["passes"].get<int64_t>() <= 6 * 20);
  CHECK(drafted["decoding"]["drafter_passes"].get<int64_t>() > 0);
  task.drafter = models.temp / "model";  // always right
  const auto own = models.texts(task);
  CHECK(ids_of(own) == ids_of(plain));
  for (const auto& share : own["decoding"]["accepted_by_depth"]) CHECK(share.get<double>() == 1.0);
  CHECK(own["decoding"]["tokens_per_pass"].get<double>() > 1.5);
}

TEST_CASE("sampled texts with a drafter do not depend on the batch") {
  const TextModels models;
  auto task = models.task();
  task.drafter = models.temp / "small";
  task.top_k = 40;
  task.temperature = 0.8;
  const auto together = models.texts(task);
  task.batch_size = 1;
  const auto alone = models.texts(task);
  CHECK(ids_of(together) == ids_of(alone));
  CHECK(together["decoding"] == alone["decoding"]);
  for (const auto& ids : ids_of(together)) CHECK(ids.size() <= 20);
}

TEST_CASE("a drafter that does not fit is refused") {
  const TextModels models;
  auto task = models.task();
  const auto refused = [&](const std::string& text) {
    CHECK_THROWS_WITH(models.texts(task), ContainsSubstring(text));
  };
  PrimerOptions primer{
      .vocab_size = 257, .d_model = 16, .num_layers = 1, .num_heads = 2, .d_kv = 8, .d_ff = 32};
  primer.variant = "primer";
  write_text_model<PrimerLm>(models.temp / "primer", primer, 1, 0.0);
  task.drafter = models.temp / "primer";
  refused("cannot take back what it has read");
  auto learned = options_of(1);
  learned.architecture = "gpt2";
  learned.max_position_embeddings = 12;
  write_text_model<DecoderLm>(models.temp / "short", learned, 1, 0.0);
  task.drafter = models.temp / "short";
  refused("reads at most 12 tokens, but a text may have");
}
