#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

/// Random numbers that are a function of a seed and a place alone, independent of the rest of the batch and
/// of the number of threads: what is generated from a seed depends on nothing else.
namespace arzoo::nn {

/// 64 bits scrambled (Steele et al., SplitMix, 2014): another stream for every argument.
uint64_t scrambled(uint64_t x);
/// Number `index` of a stream, uniform in (0, 1).
double uniform_of(uint64_t stream, uint64_t index);
/// Seed of item `index` of a run.
uint64_t item_seed(uint64_t seed, uint64_t index);
/// Seeds of the items first, first + 1, … of a run.
std::vector<uint64_t> item_seeds(uint64_t seed, uint64_t first, std::size_t count);

/// The place of a row of random numbers: a stream, and how many rows lie before it.
struct NoiseRow {
  uint64_t stream, place;
};
/// Standard normal numbers (Box & Muller, 1958), a row of `width` of them per place: [rows, width] float.
at::Tensor normal_rows(const std::vector<NoiseRow>& rows, int64_t width);

/// A random order of `length` tokens for each stream, all orders equally likely: [streams, length] long.
at::Tensor seeded_orders(const std::vector<uint64_t>& streams, int64_t length);

}  // namespace arzoo::nn
