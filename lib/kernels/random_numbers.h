#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

/// The counter-based random numbers of core/seeded_random.h as tensors. They are made on the device that they
/// are for, by the same arithmetic everywhere.
namespace arzoo::kernels {

/// Streams as a tensor, [R] long: their 64 bits.
at::Tensor streams_on(const std::vector<uint64_t>& streams, at::Device device = at::kCPU);

/// Numbers first, first + 1, … of each stream, uniform in (0, 1): [R, count] double where the streams are,
/// the same bits on every device. streams: [R] long.
at::Tensor uniform_numbers(const at::Tensor& streams, int64_t first, int64_t count);

/// Standard normal numbers, rows first, first + 1, … of `width` numbers of each stream: [R, rows, width]
/// float where the streams are. On another device than a CPU the last bit may differ: it is the logarithm's
/// and the cosine's.
at::Tensor normal_numbers(const at::Tensor& streams, int64_t first, int64_t rows, int64_t width);
/// The same by tensor operations, which any device has.
at::Tensor normal_numbers_anywhere(const at::Tensor& streams, int64_t first, int64_t rows, int64_t width);

}  // namespace arzoo::kernels
