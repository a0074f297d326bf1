#include "language/text_folder.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/run_dir.h"
#include "language/decoder_lm_model.h"
#include "language/family.h"
#include "language/quantised_folder.h"
#include "nn/lora.h"
#include "runtime/memory_budget.h"
#include "runtime/model_folder.h"
#include "runtime/named_tensors.h"
#include "runtime/training_options.h"

namespace arzoo::language {
namespace {

namespace fs = std::filesystem;

/// What low-rank updates in a folder are multiplied by.
constexpr const char* kLoraScale = "lora_scale";
constexpr std::string_view kPublished[] = {"gpt2", "llama", "qwen2", "gpt_neox"};

constexpr const char* kTokenizerFiles[] = {
    "tokenizer.json", "vocab.json", "merges.txt", "vocab.txt", "tokenizer_config.json", "tokenizer.model"};

/// Copies a tokenizer's files into the folder of the model that was trained with it.
void copy_tokenizer(const fs::path& tokenizer, const fs::path& folder) {
  if (tokenizer == "bytes") return;
  const auto name = tokenizer.filename();
  if (fs::is_directory(tokenizer)) {
    copy_tokenizer_files(tokenizer, folder);
  } else if (name == "vocab.json" || name == "merges.txt" || name == "vocab.txt") {
    copy_tokenizer_files(tokenizer.parent_path(), folder);
  } else if (fs::exists(tokenizer)) {
    fs::copy_file(tokenizer,
                  folder / (tokenizer.extension() == ".model" ? "tokenizer.model" : "tokenizer.json"),
                  fs::copy_options::overwrite_existing);
  }
}

bool has_tokenizer(const fs::path& folder) {
  return fs::exists(folder / "tokenizer.json") || fs::exists(folder / "vocab.json") ||
         fs::exists(folder / "vocab.txt") || fs::exists(folder / "tokenizer.model");
}

const runtime::ModelEntry& entry_of(const Config& model) {
  const auto name = model.text("name");
  for (const auto* entry : family().models) {
    if (entry->name == name) return *entry;
  }
  model.at("name").reject(fmt::format("no language model is called \"{}\"", name));
}

/// The ids under "eos_token_id", a number or a list.
std::vector<int64_t> ends_of(const Config& config, const io::Tokenizer& tokenizer) {
  std::vector<int64_t> ends;
  if (config.has("eos_token_id")) {
    const auto value = config.at("eos_token_id");
    if (!value.json().is_null()) value.read(ends, one_or_list(at_least(0)));
  }
  if (ends.empty() && tokenizer.end()) ends.push_back(*tokenizer.end());
  return ends;
}

void load_weights(torch::nn::Module& model, const runtime::NamedTensors& tensors, const fs::path& folder,
                  const runtime::Compute& compute) {
  are_quantised(tensors) ? take_quantised(model, tensors, compute, folder.string())
                         : runtime::take_strictly(model, tensors, compute.dtype, folder.string());
  model.to(compute.device);
  model.eval();
}

/// The weights of a folder; low-rank updates that were trained beside them are added to them.
runtime::NamedTensors merged_weights(const runtime::FoundFolder& found) {
  auto all = runtime::open_tensors(found.path);
  if (!found.config.has(kLoraScale)) return all;
  nn::LoraAdapter adapter{found.config, runtime::NamedTensors(all.where()), 1.0};
  found.config.at(kLoraScale).read(adapter.scale, more_than(0));
  runtime::NamedTensors base(all.where());
  for (const auto& [name, tensor] : all) {
    const bool update = name.ends_with(".lora_A.weight") || name.ends_with(".lora_B.weight");
    (update ? adapter.tensors : base).add(name, tensor);
  }
  return adapter.merged_into(base);
}

OpenedText open_own(const runtime::FoundFolder& found, const runtime::Compute& compute) {
  const auto section = found.config.at("model");
  const auto module = entry_of(section).build(section);
  OpenedText opened{
      .model = std::dynamic_pointer_cast<LanguageModel>(module),
      .tokenizer = has_tokenizer(found.path) ? io::open_tokenizer(found.path) : io::byte_tokenizer(),
      .options = section.json(),
      .ends = {},
      .context = {}};
  if (found.config.has("context")) found.config.at("context").read(opened.context, at_least(2));
  if (opened.model == nullptr) section.at("name").reject("a model that writes no text");
  opened.ends = ends_of(found.config, *opened.tokenizer);
  load_weights(*opened.model, merged_weights(found), found.path, compute);
  return opened;
}

OpenedText open_published(const fs::path& folder, const runtime::Compute& compute) {
  const auto config = Config::load(folder / "config.json");
  const auto options = published_decoder_options(config);
  const auto model = runtime::within_memory(config, [&] { return std::make_shared<DecoderLm>(options); });
  auto section = to_json(options);
  section["name"] = DecoderLmOptions::kName;
  OpenedText opened{.model = model,
                    .tokenizer = io::open_tokenizer(folder),
                    .options = std::move(section),
                    .ends = {},
                    .context = {}};
  opened.ends = ends_of(config, *opened.tokenizer);
  load_weights(*model, canonical_tensors(options, runtime::open_tensors(folder)), folder, compute);
  return opened;
}

}  // namespace

bool copy_tokenizer_files(const fs::path& from, const fs::path& folder) {
  bool any = false;
  for (const char* name : kTokenizerFiles) {
    if (!fs::exists(from / name)) continue;
    fs::copy_file(from / name, folder / name, fs::copy_options::overwrite_existing);
    any = true;
  }
  return any;
}

void save_text_model(const fs::path& folder, const Config& run, const LanguageModel& model) {
  Json config;
  config["family"] = "language";
  config["model"] = run.json().at("model");
  const auto tokenizer = run.at("data").text("tokenizer");
  config["context"] = run.json().at("data").at("context");
  const auto lora = options_among<runtime::LoraOptions>(run.at("training").section("lora"));
  if (lora.r > 0) config[kLoraScale] = lora.alpha / static_cast<double>(lora.r);
  runtime::write_model_folder(folder, config, model);
  copy_tokenizer(tokenizer, folder);
}

bool is_published_decoder(const fs::path& path) {
  if (!fs::exists(path / "config.json")) return false;
  const auto config = Config::load(path / "config.json");
  if (!config.has("model_type")) return false;
  const auto type = config.text("model_type");
  return std::find(std::begin(kPublished), std::end(kPublished), type) != std::end(kPublished);
}

OpenedText open_text_model(const fs::path& path, const runtime::Compute& compute) {
  auto opened = [&] {
    if (const auto found = runtime::find_model_folder(path, "language")) return open_own(*found, compute);
    if (is_published_decoder(path)) return open_published(path, compute);
    fail<CheckpointError>(
        "{}: no language model (expected a run directory, a model folder, or a published folder whose "
        "config.json has model_type gpt2, llama, qwen2 or gpt_neox)",
        path.string());
  }();
  if (opened.tokenizer->size() > opened.model->vocabulary()) {
    fail<CheckpointError>("{}: the tokenizer has {} ids, the model's embedding {}", path.string(),
                          opened.tokenizer->size(), opened.model->vocabulary());
  }
  return opened;
}

}  // namespace arzoo::language
