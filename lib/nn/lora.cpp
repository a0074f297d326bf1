#include "nn/lora.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/atomic_file.h"
#include "core/bytes.h"
#include "core/json_reader.h"
#include "runtime/safetensors.h"

namespace arzoo::nn {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::string_view kA = ".lora_A.weight", kB = ".lora_B.weight";

bool ends_with_module(const std::string& name, const std::string& target) {
  return name == target || name.ends_with("." + target);
}

/// The fields of adapter_config.json that change what an adapter means, and the value of each that is plain
/// LoRA.
void require_plain(const Config& config) {
  const auto has = [&](const char* key, const Json& plain) {
    if (!config.has(key)) return;
    const auto& value = config.json().at(key);
    if (value.is_null() || value == plain) return;
    if ((value.is_object() || value.is_array()) && value.empty()) return;
    config.at(key).reject(
        fmt::format("{} is not supported, expected {}", dump_json(value), dump_json(plain)));
  };
  has("peft_type", "LORA");
  has("bias", "none");
  for (const char* key : {"use_dora", "use_qalora", "use_bdlora", "fan_in_fan_out", "lora_bias"})
    has(key, false);
  for (const char* key : {"modules_to_save", "alpha_pattern", "rank_pattern", "layer_replication"})
    has(key, nullptr);
}

}  // namespace

int64_t add_lora(torch::nn::Module& model, const std::vector<std::string>& targets, const LoraSizes& sizes,
                 std::string_view where) {
  std::vector<std::shared_ptr<LinearLayer>> layers;
  std::set<std::string> met;
  for (const auto& entry : model.named_modules()) {
    auto layer = std::dynamic_pointer_cast<LinearLayer>(entry.value());
    if (layer == nullptr) continue;
    for (const auto& target : targets) {
      if (!ends_with_module(entry.key(), target)) continue;
      met.insert(target);
      layers.push_back(layer);
      break;
    }
  }
  for (const auto& target : targets) {
    if (!met.contains(target))
      fail<ConfigError>("{}: {} names no linear layer of the model", where, in_quotes(target));
  }
  for (auto& parameter : model.parameters()) parameter.set_requires_grad(false);
  for (const auto& layer : layers) layer->add_lora(sizes);
  return static_cast<int64_t>(layers.size());
}

std::vector<runtime::NamedTensors::Entry> lora_tensors(const torch::nn::Module& model) {
  std::vector<runtime::NamedTensors::Entry> found;
  for (const auto& [name, tensor] : runtime::state_dict(model)) {
    if (name.ends_with(kA) || name.ends_with(kB)) found.emplace_back(std::string(kPrefix) + name, tensor);
  }
  return found;
}

std::vector<runtime::NamedTensors::Entry> tensors_without_lora(const torch::nn::Module& model) {
  std::vector<runtime::NamedTensors::Entry> found;
  for (const auto& [name, tensor] : runtime::state_dict(model)) {
    if (!name.ends_with(kA) && !name.ends_with(kB)) found.emplace_back(name, tensor);
  }
  return found;
}

bool is_lora_adapter(const fs::path& folder) { return fs::exists(folder / "adapter_config.json"); }

LoraAdapter LoraAdapter::open(const fs::path& folder) {
  LoraAdapter adapter{Config::load(folder / "adapter_config.json"), runtime::NamedTensors(), 1.0};
  require_plain(adapter.config);
  int64_t r = 0;
  double alpha = 0.0;
  adapter.config.at("r").read(r, at_least(1));
  adapter.config.at("lora_alpha").read(alpha, more_than(0));
  bool by_root = false;
  if (adapter.config.has("use_rslora")) adapter.config.at("use_rslora").read(by_root, {});
  adapter.scale = alpha / (by_root ? std::sqrt(static_cast<double>(r)) : static_cast<double>(r));
  const auto file = folder / "adapter_model.safetensors";
  adapter.tensors = runtime::open_tensors(fs::exists(file) ? file : folder / "adapter_model.bin");
  return adapter;
}

fs::path LoraAdapter::base(const fs::path& folder) const {
  const fs::path named = config.text("base_model_name_or_path");
  for (const auto& place : {folder / named, named}) {
    if (fs::exists(place)) return place;
  }
  fail<CheckpointError>(
      "{}: an adapter (LoRA) of {}, which is not here (put that model's folder there, or write its path into "
      "base_model_name_or_path of adapter_config.json)",
      folder.string(), in_quotes(named.string()));
}

runtime::NamedTensors LoraAdapter::merged_into(const runtime::NamedTensors& base) const {
  std::vector<std::pair<std::string, at::Tensor>> updates;
  for (const auto& [name, a] : tensors) {
    if (!name.ends_with(kA)) {
      if (!name.ends_with(kB))
        fail<CheckpointError>("{}: {} is no part of an adapter (expected …{} or …{})", tensors.where(),
                              in_quotes(name), kA, kB);
      continue;
    }
    auto module = name.substr(0, name.size() - kA.size());
    const auto& b = tensors.at(module + std::string(kB));
    if (module.starts_with(kPrefix)) module.erase(0, kPrefix.size());
    const auto weight = module + ".weight";
    const auto* known = base.find(weight);
    const bool fits = known != nullptr && a.dim() == 2 && b.dim() == 2 && known->dim() == 2 &&
                      a.size(0) == b.size(1) && b.size(0) == known->size(0) && a.size(1) == known->size(1);
    if (!fits)
      fail<CheckpointError>("{}: {} does not fit the model ({})", tensors.where(), in_quotes(name),
                            known == nullptr ? "it has no " + in_quotes(weight) : "of another shape");
    updates.emplace_back(weight, at::matmul(b.to(at::kFloat), a.to(at::kFloat)) * scale);
  }
  runtime::NamedTensors merged(base.where());
  for (const auto& [name, tensor] : base) {
    const auto update = std::find_if(updates.begin(), updates.end(),
                                     [&name = name](const auto& entry) { return entry.first == name; });
    merged.add(name, update == updates.end() ? tensor : tensor.to(at::kFloat) + update->second);
  }
  return merged;
}

void write_lora_adapter(const fs::path& folder, const torch::nn::Module& model,
                        const std::vector<std::string>& targets, const LoraSizes& sizes,
                        const std::string& base) {
  const Json config{{"peft_type", "LORA"},
                    {"base_model_name_or_path", base},
                    {"r", sizes.r},
                    {"lora_alpha", sizes.scale * static_cast<double>(sizes.r)},
                    {"lora_dropout", sizes.dropout},
                    {"target_modules", targets},
                    {"bias", "none"},
                    {"fan_in_fan_out", false},
                    {"inference_mode", true},
                    {"init_lora_weights", true},
                    {"task_type", nullptr},
                    {"modules_to_save", nullptr}};
  write_atomically(folder / "adapter_config.json", dump_json(config, 2) + "\n");
  runtime::write_safetensors(folder / "adapter_model.safetensors", lora_tensors(model), {{"format", "pt"}});
}

}  // namespace arzoo::nn
