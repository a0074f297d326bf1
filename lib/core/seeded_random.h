#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numbers>
#include <random>
#include <vector>

#include "core/on_device.h"

/// The one source of seeded random numbers. There are two kinds.
///
/// Counter-based: number `index` of `stream` is a hash of the two, SplitMix64 (Steele, Lea and Flood, "Fast
/// splittable pseudorandom number generators", OOPSLA 2014). There is no state, so what is generated from a
/// seed is the same whatever the number of threads, the size of the batch and the order of the calls.
///
/// Sequential: a Mersenne Twister (std::mt19937_64) with a seed of several words, one engine per item (an
/// epoch, a batch, a shape). An item's numbers are the same whatever was generated before; one engine is not
/// for two threads at once.
///
/// Both promise the same integers and uniform numbers on every platform. Normal numbers go through log, sin
/// and cos, so their last bit is the C library's; std::shuffle's order is the standard library's.
namespace arzoo {

/// 64 bits hashed (one step of SplitMix64): another stream for every argument.
ARZOO_ON_DEVICE inline uint64_t splitmix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

/// Number `index` of a stream, uniform in (0, 1): 53 random bits and a half.
ARZOO_ON_DEVICE inline double uniform_of(uint64_t stream, uint64_t index) {
  return (static_cast<double>(splitmix64(stream ^ splitmix64(index)) >> 11) + 0.5) * 0x1.0p-53;
}

/// Seed of item `index` of a run.
inline uint64_t item_seed(uint64_t seed, uint64_t index) { return splitmix64(splitmix64(seed) + index); }
/// Seeds of the items first, first + 1, … of a run.
std::vector<uint64_t> item_seeds(uint64_t seed, uint64_t first, std::size_t count);
/// Seed of item `index` of one of a run's streams.
inline uint64_t stream_seed(uint64_t seed, uint64_t stream, uint64_t index) {
  return splitmix64(item_seed(seed, stream) + index);
}

/// Two independent standard normal numbers of two uniform ones (Box and Muller, 1958): u in (0, 1], v in
/// [0, 1).
struct NormalPair {
  NormalPair(double u, double v) : radius(std::sqrt(-2.0 * std::log(u))), angle(2.0 * std::numbers::pi * v) {}
  double first() const { return radius * std::cos(angle); }
  double second() const { return radius * std::sin(angle); }

  double radius, angle;
};

/// An engine whose seed is these words, in order (std::seed_seq). A 64-bit number is two words, the low half
/// first. Uses with different meanings must differ in their number of words or in a word that is theirs.
std::mt19937_64 seeded_engine(std::initializer_list<uint32_t> words);
inline uint32_t low_word(uint64_t x) { return static_cast<uint32_t>(x); }
inline uint32_t high_word(uint64_t x) { return static_cast<uint32_t>(x >> 32); }

/// Uniform in [0, 1), 53 random bits.
inline double uniform(std::mt19937_64& engine) { return static_cast<double>(engine() >> 11) * 0x1.0p-53; }
/// Standard normal, of two uniform numbers.
double normal(std::mt19937_64& engine);

/// 0 … size - 1 in random order (std::shuffle).
std::vector<int64_t> permutation(int64_t size, std::mt19937_64& engine);
/// The first `count` of a random order of 0 … size - 1, none twice (a partial Fisher-Yates shuffle); where
/// count is larger, all of them and then the same again, in turn.
std::vector<int64_t> sample_indices(int64_t size, int64_t count, std::mt19937_64& engine);

}  // namespace arzoo
