#include "runtime/deferred_weights.h"

#include <torch/library.h>

#include <optional>

namespace arzoo::runtime {
namespace {

at::Tensor& left_alone(at::Tensor& self, double, double, std::optional<at::Generator>) { return self; }

}  // namespace

DeferredWeights::DeferredWeights() : guard_(c10::DispatchKey::DeferredInit) {}

bool weights_are_deferred() {
  return c10::impl::tls_is_dispatch_key_included(c10::DispatchKey::DeferredInit);
}

// LibTorch reserves this dispatch key for deferred initialisation and brings no kernels for it. What fills
// weights at random is left out; all else, such as tables that a model computes for itself, falls through.
TORCH_LIBRARY_IMPL(_, DeferredInit, library) { library.fallback(torch::CppFunction::makeFallthrough()); }
TORCH_LIBRARY_IMPL(aten, DeferredInit, library) {
  library.impl("uniform_", &left_alone);
  library.impl("normal_", &left_alone);
}

}  // namespace arzoo::runtime
