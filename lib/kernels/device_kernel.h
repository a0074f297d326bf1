#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <string>

namespace arzoo::kernels {

/// An operator of the library "arzoo" with a kernel by device: the CPU's is registered beside its definition,
/// CUDA's by the plug-in (lib/cuda). Signature: of the operator's C++ function.
template <class Signature>
class DeviceKernel;

template <class Result, class... Arguments>
class DeviceKernel<Result(Arguments...)> {
 public:
  explicit DeviceKernel(const char* name)
      : handle_(c10::Dispatcher::singleton()
                    .findSchemaOrThrow((std::string("arzoo::") + name).c_str(), "")
                    .template typed<Result(Arguments...)>()) {}

  /// Whether the device of x has a kernel: a build without the plug-in has none for CUDA.
  bool is_on(const at::Device& device) const {
    const auto key = device.is_cpu() ? c10::DispatchKey::CPU : c10::DispatchKey::CUDA;
    return (device.is_cpu() || device.is_cuda()) && handle_.hasKernelForDispatchKey(key);
  }
  Result operator()(Arguments... arguments) const { return handle_.call(arguments...); }

 private:
  c10::TypedOperatorHandle<Result(Arguments...)> handle_;
};

}  // namespace arzoo::kernels
