#include "fuzz/commands/heap_peak.h"

#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <limits>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARZOO_ADDRESS_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ARZOO_ADDRESS_SANITIZER
#endif

namespace {

constexpr auto kNoLimit = std::numeric_limits<std::int64_t>::max();

std::atomic<std::int64_t> live{0}, peak{0};
std::atomic<std::int64_t> start{0}, allowed{0},
    most{kNoLimit};  ///< most: start + allowed while it is measured

[[noreturn]] void end_above_limit() {
  char text[128];
  const auto limit = allowed.load();
  most = kNoLimit;  // what follows allocates too
  const int length =
      std::snprintf(text, sizeof text, "heap: more than the limit of %lld bytes for this input\n",
                    static_cast<long long>(limit));
  [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, text, static_cast<std::size_t>(length));
  std::abort();
}

void count(std::size_t bytes) {
  const auto now = live.fetch_add(static_cast<std::int64_t>(bytes), std::memory_order_relaxed) +
                   static_cast<std::int64_t>(bytes);
  auto highest = peak.load(std::memory_order_relaxed);
  while (now > highest && !peak.compare_exchange_weak(highest, now, std::memory_order_relaxed)) {
  }
  if (now > most.load(std::memory_order_relaxed)) end_above_limit();
}

void uncount(std::size_t bytes) {
  live.fetch_sub(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
}

}  // namespace

#if defined(ARZOO_ADDRESS_SANITIZER)

extern "C" {
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, std::size_t),
                                              void (*on_free)(const volatile void*));
std::size_t __sanitizer_get_allocated_size(const volatile void* data);
}

namespace {

[[maybe_unused]] const int hooked =
    __sanitizer_install_malloc_and_free_hooks([](const volatile void*, std::size_t bytes) { count(bytes); },
                                              [](const volatile void* data) {
                                                if (data != nullptr)
                                                  uncount(__sanitizer_get_allocated_size(data));
                                              });

}  // namespace

#else

extern "C" {

// glibc's own, behind the names that are taken over.
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t number, std::size_t bytes);
void* __libc_realloc(void* data, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
void __libc_free(void* data);

}  // extern "C"

namespace {

void* counted(void* data) {
  if (data != nullptr) count(::malloc_usable_size(data));
  return data;
}

}  // namespace

extern "C" {

void* malloc(std::size_t bytes) noexcept { return counted(__libc_malloc(bytes)); }
void* calloc(std::size_t number, std::size_t bytes) noexcept { return counted(__libc_calloc(number, bytes)); }
void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  return counted(__libc_memalign(alignment, bytes));
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  return counted(__libc_memalign(alignment, bytes));
}
int posix_memalign(void** data, std::size_t alignment, std::size_t bytes) noexcept {
  *data = counted(__libc_memalign(alignment, bytes));
  return *data == nullptr ? ENOMEM : 0;
}
void* realloc(void* data, std::size_t bytes) noexcept {
  const auto before = data == nullptr ? 0 : ::malloc_usable_size(data);
  void* const moved = __libc_realloc(data, bytes);
  if (moved == nullptr && bytes > 0) return nullptr;  // what was there is still there
  uncount(before);
  return counted(moved);
}
void free(void* data) noexcept {
  if (data != nullptr) uncount(::malloc_usable_size(data));
  __libc_free(data);
}

}  // extern "C"

#endif

namespace arzoo::fuzz {

void start_heap_limit(std::int64_t limit) {
  start = live.load();
  peak = start.load();
  allowed = limit;
  most = start + limit;
}

std::int64_t stop_heap_limit() {
  most = kNoLimit;
  return peak - start;
}

}  // namespace arzoo::fuzz
