#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace arzoo::runtime {

/// The function of the CUDA plug-in that makes the group on NCCL: C linkage, so that it can be looked up.
using NcclBackendFunction = c10d::Backend* (*)(const c10::intrusive_ptr<c10d::Store>* store, int rank,
                                               int size);
inline constexpr const char* kNcclBackendSymbol = "arzoo_nccl_backend";

/// Between GPUs. Throws SystemFailure where the CUDA plug-in is not there (it is opened with the device).
c10::intrusive_ptr<c10d::Backend> nccl_backend(const c10::intrusive_ptr<c10d::Store>& store, int rank,
                                               int size);

}  // namespace arzoo::runtime
