#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

/// Random orders of tokens. Those of streams (core/seeded_random.h) are the same whatever the rest of the
/// batch and the number of threads; those of a torch generator are the same after the same calls.
namespace arzoo::nn {

/// The order that sorts each row of `keys`, [rows, length] long: a random permutation of 0 … length - 1, all
/// equally likely, where the keys are uniform random numbers. In double precision equal keys practically
/// never occur.
at::Tensor orders_of(const at::Tensor& keys);
/// A random order of `length` tokens for each stream: [streams, length] long.
at::Tensor seeded_orders(const std::vector<uint64_t>& streams, int64_t length);
/// One random order of `length` tokens per row, [rows, length] long, of one call of the generator; without
/// one, of the default CPU generator.
at::Tensor random_orders(int64_t rows, int64_t length, std::optional<at::Generator> generator = std::nullopt);

}  // namespace arzoo::nn
