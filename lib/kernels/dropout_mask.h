#pragma once

#include <cmath>
#include <cstdint>

#include "core/on_device.h"

namespace arzoo::kernels {

/// Which elements a dropout keeps: a function of the element's index and a 64-bit key, the same on every
/// device.
struct DropoutMask {
  DropoutMask(int64_t key, double p)
      : low(static_cast<uint32_t>(key)),
        high(static_cast<uint32_t>(static_cast<uint64_t>(key) >> 32)),
        threshold(static_cast<uint32_t>(std::llround(p * 4294967296.0))),
        scale(static_cast<float>(1.0 / (1.0 - p))) {}

  /// The factor of element `index`: 0 or 1 / (1 - p). A keyed avalanche hash (Wellons' triple32, bias < 0.021
  /// bits).
  ARZOO_ON_DEVICE float factor(uint32_t index) const {
    uint32_t h = index ^ low;
    h ^= h >> 17;
    h *= 0xed5ad4bbU;
    h ^= h >> 11;
    h *= 0xac4c1b51U;
    h ^= high;
    h ^= h >> 15;
    h *= 0x31848babU;
    h ^= h >> 14;
    return h < threshold ? 0.0F : scale;
  }

  uint32_t low, high;  ///< the halves of the key
  uint32_t threshold;  ///< an element is dropped when its hash is below
  float scale;
};

}  // namespace arzoo::kernels
