#include "runtime/mapped_tensor.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <tuple>
#include <utility>

#include "core/bytes.h"
#include "core/error.h"
#include "core/file_budget.h"
#include "core/mapped_file.h"

namespace arzoo::runtime {

namespace {

// In the order of io::DType.
constexpr std::array<c10::ScalarType, 16> kScalarTypes{
    c10::ScalarType::Double,      c10::ScalarType::Float,         c10::ScalarType::Half,
    c10::ScalarType::BFloat16,    c10::ScalarType::Long,          c10::ScalarType::Int,
    c10::ScalarType::Short,       c10::ScalarType::Char,          c10::ScalarType::Byte,
    c10::ScalarType::Bool,        c10::ScalarType::UInt16,        c10::ScalarType::UInt32,
    c10::ScalarType::UInt64,      c10::ScalarType::Float8_e4m3fn, c10::ScalarType::Float8_e5m2,
    c10::ScalarType::ComplexFloat};
static_assert(kScalarTypes.size() == static_cast<std::size_t>(io::DType::c64) + 1);

at::Tensor view(const io::StoredTensor& stored, char* data, std::function<void(void*)> release) {
  const auto options = at::TensorOptions().dtype(scalar_type(stored.dtype));
  if (stored.strides.empty()) return at::from_blob(data, stored.shape, std::move(release), options);
  return at::from_blob(data, stored.shape, stored.strides, std::move(release), options);
}

/// Bytes from the first to behind the last element.
std::uint64_t span_of(const io::StoredTensor& stored) {
  if (stored.strides.empty() || stored.bytes == 0) return stored.bytes;
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < stored.shape.size(); ++i) {
    last += static_cast<std::uint64_t>(stored.shape[i] - 1) * static_cast<std::uint64_t>(stored.strides[i]);
  }
  return (last + 1) * io::item_size(stored.dtype);
}

bool is_aligned(const io::TensorFile& file, const io::StoredTensor& stored) {
  const auto place = reinterpret_cast<std::uintptr_t>(file.mapping->data() + stored.offset);
  return stored.bytes == 0 || place % io::item_size(stored.dtype) == 0;
}

/// Bytes of a file from `begin` to `end` that hold tensors of one kind.
struct ByteRun {
  std::uint64_t alignment;  ///< item size and the offset modulo it: a copy aligns all tensors of one kind
  std::uint64_t begin, end;
};

std::uint64_t alignment_of(const io::StoredTensor& stored) {
  constexpr std::uint64_t kLargestItem = 256;
  return io::item_size(stored.dtype) * kLargestItem + stored.offset % io::item_size(stored.dtype);
}

/// Where tensors lie, each byte once: what many tensors share is looked at, or copied, one time.
class ByteRuns {
 public:
  void add(const io::StoredTensor& stored) {
    if (stored.bytes > 0)
      runs_.push_back({alignment_of(stored), stored.offset, stored.offset + span_of(stored)});
  }
  /// In the order of alignment and place.
  std::vector<ByteRun> joined() const {
    auto sorted = runs_;
    std::sort(sorted.begin(), sorted.end(), [](const ByteRun& a, const ByteRun& b) {
      return std::tie(a.alignment, a.begin) < std::tie(b.alignment, b.begin);
    });
    std::vector<ByteRun> result;
    for (const auto& run : sorted) {
      const bool apart =
          result.empty() || result.back().alignment != run.alignment || result.back().end < run.begin;
      if (apart) result.push_back(run);
      result.back().end = std::max(result.back().end, run.end);
    }
    return result;
  }

 private:
  std::vector<ByteRun> runs_;
};

void expect_booleans(const io::TensorFile& file, const ByteRun& run) {
  const auto bytes = file.mapping->bytes().substr(run.begin, run.end - run.begin);
  const auto odd = std::find_if(bytes.begin(), bytes.end(), [](char byte) { return byte != 0 && byte != 1; });
  if (odd == bytes.end()) return;
  const auto at = run.begin + static_cast<std::uint64_t>(odd - bytes.begin());
  const auto holder =
      std::find_if(file.tensors.begin(), file.tensors.end(), [&](const io::StoredTensor& stored) {
        return stored.dtype == io::DType::boolean && stored.offset <= at &&
               at < stored.offset + span_of(stored);
      });
  fail<CheckpointError>("{}: {}: a BOOL of value {}, expected 0 or 1", file.mapping->path().string(),
                        in_quotes(holder->name), static_cast<int>(static_cast<unsigned char>(*odd)));
}

/// A run's bytes in memory of their own, which new[] aligns for any item.
struct RunCopy {
  ByteRun run;
  std::shared_ptr<char[]> bytes;
};

RunCopy copied_run(const io::TensorFile& file, const ByteRun& run) {
  const auto bytes = file.mapping->bytes().substr(run.begin, run.end - run.begin);
  RunCopy copy{run, std::shared_ptr<char[]>(new char[bytes.size()])};
  std::copy(bytes.begin(), bytes.end(), copy.bytes.get());
  return copy;
}

/// The one that holds the tensor; `copies` are in the order of ByteRuns::joined.
const RunCopy& copy_of(const io::StoredTensor& stored, const std::vector<RunCopy>& copies) {
  const auto place = std::pair(alignment_of(stored), stored.offset);
  const auto behind = std::upper_bound(
      copies.begin(), copies.end(), place,
      [](const auto& a, const RunCopy& b) { return a < std::pair(b.run.alignment, b.run.begin); });
  return *std::prev(behind);
}

}  // namespace

c10::ScalarType scalar_type(io::DType dtype) { return kScalarTypes[static_cast<std::size_t>(dtype)]; }

io::DType stored_dtype(c10::ScalarType type) {
  const auto found = std::find(kScalarTypes.begin(), kScalarTypes.end(), type);
  if (found == kScalarTypes.end())
    fail<CheckpointError>("a tensor of {} cannot be stored", c10::toString(type));
  return static_cast<io::DType>(found - kScalarTypes.begin());
}

std::vector<at::Tensor> mapped_tensors(const io::TensorFile& file) {
  ByteRuns odd, booleans;
  for (const auto& stored : file.tensors) {
    if (stored.dtype == io::DType::boolean) booleans.add(stored);
    if (!is_aligned(file, stored)) odd.add(stored);
  }
  for (const auto& run : booleans.joined()) expect_booleans(file, run);
  FileBudget budget(file.mapping->path().string(), file.mapping->bytes().size());
  std::vector<RunCopy> copies;
  for (const auto& run : odd.joined()) {
    budget.charge<CheckpointError>(run.end - run.begin, "a copy of tensors that it does not align");
    copies.push_back(copied_run(file, run));
  }
  std::vector<at::Tensor> tensors;
  for (const auto& stored : file.tensors) {
    if (is_aligned(file, stored)) {
      char* const data = file.mapping->data() + stored.offset;
      tensors.push_back(view(stored, data, [mapping = file.mapping](void*) {}));
    } else {
      const auto& copy = copy_of(stored, copies);
      char* const data = copy.bytes.get() + (stored.offset - copy.run.begin);
      tensors.push_back(view(stored, data, [bytes = copy.bytes](void*) {}));
    }
  }
  return tensors;
}

}  // namespace arzoo::runtime
