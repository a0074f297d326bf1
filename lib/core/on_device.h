#pragma once

/// Marks functions that kernels of CUDA devices call as well: the same arithmetic wherever it runs.
#if defined(__CUDACC__)
#define ARZOO_ON_DEVICE __host__ __device__
#else
#define ARZOO_ON_DEVICE
#endif
