#pragma once

#include <algorithm>
#include <cstdint>

// LibTorch's intra-op pool is libgomp's. Its entry point is called directly, because clang's own OpenMP would
// bring a second pool that fights for the same cores, and without OpenMP at::parallel_for silently runs on
// one thread.
extern "C" {
void GOMP_parallel(void (*body)(void*), void* data, unsigned num_threads, unsigned flags);
int omp_get_thread_num();
int omp_get_num_threads();
int omp_get_max_threads();
int omp_in_parallel();
}

namespace arzoo::kernels {

/// Calls body(begin, end) on disjoint pieces of [0, size) that cover it, on LibTorch's threads when there are
/// at least `grain` items per thread. `body` must not throw. The pieces depend on the thread count, so a
/// result that must not may only be written per item.
template <class Body>
void parallel_for(int64_t size, int64_t grain, const Body& body) {
  const int64_t threads = std::min<int64_t>(omp_get_max_threads(), size / std::max<int64_t>(grain, 1));
  if (threads <= 1 || omp_in_parallel()) {
    if (size > 0) body(int64_t{0}, size);
    return;
  }
  struct Shared {
    const Body& body;
    int64_t size;
  } shared{body, size};
  const auto piece = [](void* data) {
    const auto& work = *static_cast<Shared*>(data);
    const int64_t count = omp_get_num_threads(), index = omp_get_thread_num();
    const int64_t begin = work.size * index / count, end = work.size * (index + 1) / count;
    if (begin < end) work.body(begin, end);
  };
  GOMP_parallel(piece, &shared, static_cast<unsigned>(threads), 0);
}

}  // namespace arzoo::kernels
