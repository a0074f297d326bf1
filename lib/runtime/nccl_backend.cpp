#include "runtime/nccl_backend.h"

#include <dlfcn.h>

#include "core/error.h"

namespace arzoo::runtime {

c10::intrusive_ptr<c10d::Backend> nccl_backend(const c10::intrusive_ptr<c10d::Store>& store, int rank,
                                               int size) {
  void* const symbol = ::dlsym(RTLD_DEFAULT, kNcclBackendSymbol);
  if (symbol == nullptr) {
    fail<SystemFailure>(
        "--device cuda: several processes need the CUDA plug-in with NCCL, which is not in this build "
        "(configure with -DARZOO_CUDA=ON, or take --device cpu)");
  }
  return c10::intrusive_ptr<c10d::Backend>::reclaim(
      reinterpret_cast<NcclBackendFunction>(symbol)(&store, rank, size));
}

}  // namespace arzoo::runtime
