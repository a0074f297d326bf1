#pragma once

/// Makes a function multiversioned: one version per instruction set, the best of which is chosen when the
/// library is loaded. The wheel's LibTorch, and so this library, must also start on a machine without AVX.
///
/// Such a function is called from its own source alone: for a function that a header declares, clang 14 emits
/// the first version only, and a machine without AVX-512 stops at its first instruction. `static` lets the
/// compiler refuse that.
#define ARZOO_CLONES __attribute__((target_clones("avx512f", "avx2", "default"))) static

/// For a function that multiversioned functions call: it must be inlined into each version, or it is compiled
/// for the baseline instruction set.
#define ARZOO_INTO_CLONES [[gnu::always_inline]] inline
