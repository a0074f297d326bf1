#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/stored_tensor.h"

namespace arzoo::io {

/// What a .safetensors file says about itself (https://github.com/huggingface/safetensors, "Format").
struct SafetensorsHeader {
  std::vector<StoredTensor> tensors;                          ///< in the order of the header, contiguous
  std::vector<std::pair<std::string, std::string>> metadata;  ///< "__metadata__", in the order of the header
};

/// The longest header, in bytes, as in the reference implementation.
inline constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;

/// The key of the metadata under which arzoo keeps digests of the tensors (runtime/tensor_digests.h): of one
/// file, so they are no part of what is shown or handed on.
inline constexpr std::string_view kDigestsKey = "arzoo.crc32";

/// Reads the header of a whole file's bytes. Accepts nothing that the reference implementation refuses: the
/// header is JSON of the known form without a doubled key, and the tensors tile the rest of the file exactly,
/// without hole, overlap or rest. Needs memory in proportion to the header and never touches the tensors'
/// bytes. Throws CheckpointError naming `where` (the file), the key and what was expected.
SafetensorsHeader parse_safetensors_header(std::string_view bytes, std::string_view where);

}  // namespace arzoo::io
