#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "io/stored_tensor.h"

/// The entry point of libFuzzer, and of the replayer where there is no libFuzzer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace arzoo::fuzz {

/// Inputs that mutations hardly ever make: deep, long, repeated, large. The targets of commands define it, in
/// NAME_seeds.cpp, for the replayer.
__attribute__((weak)) std::vector<std::string> made_seeds();

/// A parser may refuse an input with an Error; anything else that leaves it is a finding.
template <class Parse>
void refuse_or_accept(Parse parse) {
  try {
    parse();
  } catch (const Error&) {
  }
}

/// An accepted tensor lies inside the file.
inline void expect_inside(const io::StoredTensor& tensor, std::string_view file) {
  std::uint64_t last = tensor.bytes == 0 ? 0 : tensor.bytes - 1;
  if (!tensor.strides.empty()) {
    last = io::item_size(tensor.dtype) - 1;
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
      last +=
          static_cast<std::uint64_t>((tensor.shape[i] - 1) * tensor.strides[i]) * io::item_size(tensor.dtype);
    }
  }
  if (tensor.bytes == 0 ? tensor.offset > file.size() : last >= file.size() - tensor.offset) std::abort();
}

}  // namespace arzoo::fuzz
