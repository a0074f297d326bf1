#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "runtime/named_tensors.h"

namespace arzoo::runtime {

/// Writes the tensors, from any device and of any strides, and the metadata to `path`; a concurrent reader
/// sees the old file or the new one. The header lists them in the given order; their bytes lie in the order
/// of falling element size, so that each is aligned. The metadata also gets their digests
/// (runtime/tensor_digests.h). No more than one tensor is copied at a time. Throws CheckpointError for a name
/// or element type that the format does not have, SystemFailure when writing fails.
void write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensors::Entry>& tensors,
                       const std::vector<std::pair<std::string, std::string>>& metadata = {});

}  // namespace arzoo::runtime
