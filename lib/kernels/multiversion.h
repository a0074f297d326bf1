#pragma once

/// Before a function: one clone per instruction set, the best of which is chosen when the library is loaded.
/// The wheel's LibTorch, and so this library, must also start on a machine without AVX.
///
/// Such a function is called from its own source alone: for a function that a header declares, clang 14 emits
/// the first clone only, and a machine without AVX-512 stops at its first instruction. `static` lets the
/// compiler refuse that.
#define ARZOO_CLONES __attribute__((target_clones("avx512f", "avx2", "default"))) static

/// Before a function that such functions call: it must become part of each clone, or it is compiled for the
/// plainest machine.
#define ARZOO_INTO_CLONES [[gnu::always_inline]] inline
