// The process group between GPUs, looked up by lib/runtime/nccl_backend.cpp.
#define USE_C10D_NCCL

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "runtime/nccl_backend.h"

extern "C" __attribute__((visibility("default"))) c10d::Backend* arzoo_nccl_backend(
    const c10::intrusive_ptr<c10d::Store>* store, int rank, int size) {
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(*store, rank, size).release();
}
