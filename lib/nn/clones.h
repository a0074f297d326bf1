#pragma once

/// Before a function: one clone per instruction set, the best of which is chosen when the library is loaded.
/// The wheel's LibTorch, and so this library, must also start on a machine without AVX.
#define ARZOO_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))

/// Before a function that such functions call: it must become part of each clone, or it is compiled for the
/// plainest machine.
#define ARZOO_INTO_CLONES [[gnu::always_inline]] inline
