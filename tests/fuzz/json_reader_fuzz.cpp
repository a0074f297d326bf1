// The reader of JSON. What it accepts is written and read again as the same, and is not deeper than its
// limit.

#include "core/json_reader.h"

#include "fuzz/fuzz_target.h"

namespace {

std::size_t depth_of(const arzoo::Json& value) {
  if (!value.is_structured()) return 0;
  std::size_t deepest = 0;
  for (const auto& inner : value) deepest = std::max(deepest, depth_of(inner));
  return deepest + 1;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  arzoo::JsonLimits limits;
  limits.memory_floor = std::size_t{1} << 16;
  const auto value = arzoo::try_read_json(text, limits);
  if (!value) return 0;
  if (depth_of(*value) > limits.depth) std::abort();
  if (arzoo::try_read_json(arzoo::dump_json(*value)) != value) std::abort();
  return 0;
}
