#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace arzoo::io {

/// The element types that tensor files hold.
enum class DType : std::uint8_t {
  f64,
  f32,
  f16,
  bf16,
  i64,
  i32,
  i16,
  i8,
  u8,
  boolean,
  u16,
  u32,
  u64,
  f8_e4m3,
  f8_e5m2,
  c64
};

/// The name in safetensors files: "F32", "BF16", "BOOL", …
std::string_view dtype_name(DType dtype);
std::optional<DType> dtype_named(std::string_view name);
/// Bytes of one element.
std::size_t item_size(DType dtype);

/// Where a tensor lies in a file. Readers hand out only such that lie inside it.
struct StoredTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  ///< in elements; empty: contiguous
  std::uint64_t offset = 0;           ///< of the first element, in bytes from the file's start
  std::uint64_t bytes = 0;            ///< of all elements, as if contiguous
};

/// What a tensor takes of memory beside its name in a command that lists it: here, in the result and in the
/// table that is printed. Charged to the file's budget (core/file_budget.h).
inline constexpr std::uint64_t kMemoryPerTensor = 1536;

/// The most dimensions that a stored tensor may have (LibTorch's own limit is the same).
inline constexpr std::size_t kMaxRank = 64;

/// Bytes of a contiguous tensor; nothing when a dimension is negative, or the size (with empty dimensions
/// counted as 1, as strides are computed) exceeds 2^63 - 1.
std::optional<std::uint64_t> contiguous_bytes(DType dtype, std::span<const std::int64_t> shape);

/// "[2, 3]"
std::string shown(std::span<const std::int64_t> shape);

}  // namespace arzoo::io
