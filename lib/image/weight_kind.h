#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/named_tensors.h"

/// Which of the published models a file is of, told by the names of its tensors.
namespace arzoo::image {

enum class WeightKind { unknown, var, mar, himar, flowar, vqvae, kl_vae, llamagen, llamagen_vq };

/// names: as they stand in the file, below a state dict's path or not.
WeightKind kind_of_weights(std::span<const std::string> names);

/// "a VAR", "the KL-VAE of MAR and FlowAR", …
std::string_view in_words(WeightKind kind);

/// Throws CheckpointError that names both kinds when the weights are known to be of another one.
void expect_kind(const runtime::NamedTensors& weights, WeightKind expected);

}  // namespace arzoo::image
