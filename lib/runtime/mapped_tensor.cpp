#include "runtime/mapped_tensor.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>

#include "core/bytes.h"
#include "core/error.h"

namespace arzoo::runtime {

namespace {

// In the order of DType.
constexpr std::array<c10::ScalarType, 16> kScalarTypes{
    c10::ScalarType::Double,      c10::ScalarType::Float,         c10::ScalarType::Half,
    c10::ScalarType::BFloat16,    c10::ScalarType::Long,          c10::ScalarType::Int,
    c10::ScalarType::Short,       c10::ScalarType::Char,          c10::ScalarType::Byte,
    c10::ScalarType::Bool,        c10::ScalarType::UInt16,        c10::ScalarType::UInt32,
    c10::ScalarType::UInt64,      c10::ScalarType::Float8_e4m3fn, c10::ScalarType::Float8_e5m2,
    c10::ScalarType::ComplexFloat};
static_assert(kScalarTypes.size() == static_cast<std::size_t>(DType::c64) + 1);

at::Tensor view(const StoredTensor& stored, char* data, std::function<void(void*)> release) {
  const auto options = at::TensorOptions().dtype(scalar_type(stored.dtype));
  if (stored.strides.empty()) return at::from_blob(data, stored.shape, std::move(release), options);
  return at::from_blob(data, stored.shape, stored.strides, std::move(release), options);
}

/// Bytes from the first to behind the last element.
std::uint64_t span_of(const StoredTensor& stored) {
  if (stored.strides.empty() || stored.bytes == 0) return stored.bytes;
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < stored.shape.size(); ++i) {
    last += static_cast<std::uint64_t>(stored.shape[i] - 1) * static_cast<std::uint64_t>(stored.strides[i]);
  }
  return (last + 1) * item_size(stored.dtype);
}

}  // namespace

c10::ScalarType scalar_type(DType dtype) { return kScalarTypes[static_cast<std::size_t>(dtype)]; }

DType stored_dtype(c10::ScalarType type) {
  const auto found = std::find(kScalarTypes.begin(), kScalarTypes.end(), type);
  if (found == kScalarTypes.end())
    fail<CheckpointError>("a tensor of {} cannot be stored", c10::toString(type));
  return static_cast<DType>(found - kScalarTypes.begin());
}

at::Tensor mapped_tensor(const std::shared_ptr<const MappedFile>& file, const StoredTensor& stored) {
  const auto bytes = file->bytes().substr(stored.offset, span_of(stored));
  if (stored.dtype == DType::boolean) {
    const auto odd =
        std::find_if(bytes.begin(), bytes.end(), [](char byte) { return byte != 0 && byte != 1; });
    if (odd != bytes.end()) {
      fail<CheckpointError>("{}: {}: a BOOL of value {}, expected 0 or 1", file->path().string(),
                            in_quotes(stored.name), static_cast<int>(static_cast<unsigned char>(*odd)));
    }
  }
  char* data = file->data() + stored.offset;
  if (reinterpret_cast<std::uintptr_t>(data) % item_size(stored.dtype) == 0) {
    return view(stored, data, [file](void*) {});
  }
  const std::shared_ptr<char[]> copy(new char[std::max<std::size_t>(bytes.size(), 1)]);
  std::copy(bytes.begin(), bytes.end(), copy.get());
  return view(stored, copy.get(), [copy](void*) {});
}

}  // namespace arzoo::runtime
