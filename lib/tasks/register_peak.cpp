#include "tasks/register_peak.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "kernels/parallel.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace arzoo::tasks {
namespace {

/// A loop of multiply-adds in registers; returns something that depends on all of them.
using Loop = double (*)(int64_t rounds);

struct Instruction {
  Loop loop = nullptr;
  double operations = 0.0;  ///< of one round of the loop
};

#if defined(__x86_64__)

// Enough independent sums to hide an instruction's latency, and few enough for 16 registers.
constexpr int kSums = 12;

__attribute__((target("avx2,fma"))) double fp32_avx2(int64_t rounds) {
  const __m256 x = _mm256_set1_ps(0.5F);
  __m256 sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm256_set1_ps(static_cast<float>(i));
  for (int64_t round = 0; round < rounds; ++round)
    for (auto& sum : sums) sum = _mm256_fmadd_ps(sum, x, x);
  for (int i = 1; i < kSums; ++i) sums[0] = _mm256_add_ps(sums[0], sums[i]);
  return _mm256_cvtss_f32(sums[0]);
}

__attribute__((target("avx512f"))) double fp32_avx512(int64_t rounds) {
  const __m512 x = _mm512_set1_ps(0.5F);
  __m512 sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  for (int64_t round = 0; round < rounds; ++round)
    for (auto& sum : sums) sum = _mm512_fmadd_ps(sum, x, x);
  for (int i = 1; i < kSums; ++i) sums[0] = _mm512_add_ps(sums[0], sums[i]);
  return _mm512_cvtss_f32(sums[0]);
}

__attribute__((target("avx512f,avx512bf16"))) double bf16_avx512(int64_t rounds) {
  const __m512 x = _mm512_set1_ps(0.5F);
  const auto pairs = _mm512_cvtne2ps_pbh(x, x);
  __m512 sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  for (int64_t round = 0; round < rounds; ++round)
    for (auto& sum : sums) sum = _mm512_dpbf16_ps(sum, pairs, pairs);
  for (int i = 1; i < kSums; ++i) sums[0] = _mm512_add_ps(sums[0], sums[i]);
  return _mm512_cvtss_f32(sums[0]);
}

/// Two instructions for 16 products and their sums. The factor changes, or the product would leave the loop.
__attribute__((target("avx2"))) double int8_avx2(int64_t rounds) {
  __m256i sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm256_set1_epi32(i);
  for (int64_t round = 0; round < rounds; ++round) {
    const __m256i x = _mm256_set1_epi32(static_cast<int>(round));
    for (auto& sum : sums) sum = _mm256_add_epi32(sum, _mm256_madd_epi16(sum, x));
  }
  for (int i = 1; i < kSums; ++i) sums[0] = _mm256_add_epi32(sums[0], sums[i]);
  return _mm256_cvtsi256_si32(sums[0]);
}

__attribute__((target("avx512f,avx512vnni"))) double int8_avx512(int64_t rounds) {
  const __m512i x = _mm512_set1_epi32(0x01010101);
  __m512i sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_epi32(i);
  for (int64_t round = 0; round < rounds; ++round)
    for (auto& sum : sums) sum = _mm512_dpbusd_epi32(sum, sum, x);
  for (int i = 1; i < kSums; ++i) sums[0] = _mm512_add_epi32(sums[0], sums[i]);
  return _mm_cvtsi128_si32(_mm512_castsi512_si128(sums[0]));
}

Instruction fp32_instruction() {
  if (__builtin_cpu_supports("avx512f")) return {&fp32_avx512, 2.0 * 16 * kSums};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {&fp32_avx2, 2.0 * 8 * kSums};
  return {};
}

Instruction bf16_instruction() {
  return __builtin_cpu_supports("avx512bf16") ? Instruction{&bf16_avx512, 2.0 * 32 * kSums} : Instruction{};
}

Instruction int8_instruction() {
  if (__builtin_cpu_supports("avx512vnni")) return {&int8_avx512, 2.0 * 64 * kSums};
  if (__builtin_cpu_supports("avx2")) return {&int8_avx2, 2.0 * 16 * kSums};
  return {};
}

#else

Instruction fp32_instruction() { return {}; }
Instruction bf16_instruction() { return {}; }
Instruction int8_instruction() { return {}; }

#endif

/// GFLOP/s of all threads at once: the best of several tries.
double peak(const Instruction& instruction) {
  if (instruction.loop == nullptr) return 0.0;
  constexpr int64_t kRounds = 200'000;
  constexpr int kTries = 6;
  const int64_t threads = omp_get_max_threads();
  double best = std::numeric_limits<double>::infinity();
  volatile double used = 0.0;  // what nobody reads is not computed
  for (int i = 0; i < kTries; ++i) {
    const auto start = std::chrono::steady_clock::now();
    kernels::parallel_for(threads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) {
        const double sum = instruction.loop(kRounds);
        if (j == 0) used = sum;
      }
    });
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return instruction.operations * static_cast<double>(kRounds * threads) / best / 1e9;
}

}  // namespace

RegisterPeaks register_peaks() {
  return {peak(fp32_instruction()), peak(bf16_instruction()), peak(int8_instruction())};
}

}  // namespace arzoo::tasks
