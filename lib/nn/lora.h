#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/config.h"
#include "nn/linear_layer.h"
#include "runtime/named_tensors.h"

/// Low-rank adaptation (Hu et al., LoRA, ICLR 2022) and the adapter folders of the peft package.
namespace arzoo::nn {

/// Adds LoRA to the LinearLayers of `model` whose names are one of `targets` or end with ".TARGET", and
/// freezes every other parameter. Returns the number of layers. Throws ConfigError for a target that names no
/// layer; `where` opens the message.
int64_t add_lora(torch::nn::Module& model, const std::vector<std::string>& targets, const LoraSizes& sizes,
                 std::string_view where);

/// The adapters of a model as peft names them: base_model.model.MODULE.lora_A.weight [r, in] and lora_B
/// [out, r].
std::vector<runtime::NamedTensors::Entry> lora_tensors(const torch::nn::Module& model);

/// The weights of a model without its adapters, under the names that it had before them.
std::vector<runtime::NamedTensors::Entry> tensors_without_lora(const torch::nn::Module& model);

/// Whether a folder holds an adapter instead of a model: adapter_config.json.
bool is_lora_adapter(const std::filesystem::path& folder);

/// An adapter folder.
struct LoraAdapter {
  Config config;                  ///< adapter_config.json
  runtime::NamedTensors tensors;  ///< adapter_model.safetensors, or .bin
  double scale = 1.0;             ///< alpha / r

  /// Throws CheckpointError, ConfigError for a folder that is none, and for a kind of adapter that is not
  /// plain LoRA.
  static LoraAdapter open(const std::filesystem::path& folder);
  /// The folder of the model that the adapter is for: base_model_name_or_path, relative to the adapter's
  /// folder or to the current one. Throws CheckpointError when there is none here.
  std::filesystem::path base(const std::filesystem::path& folder) const;
  /// The weights with scale B A added to each that is adapted. Throws CheckpointError for an adapter of a
  /// weight that is not there or of another shape.
  runtime::NamedTensors merged_into(const runtime::NamedTensors& base) const;
};

/// Writes adapter_config.json and adapter_model.safetensors as peft does. base: what the adapter is for.
void write_lora_adapter(const std::filesystem::path& folder, const torch::nn::Module& model,
                        const std::vector<std::string>& targets, const LoraSizes& sizes,
                        const std::string& base);

}  // namespace arzoo::nn
