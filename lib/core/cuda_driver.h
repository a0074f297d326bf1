#pragma once

#include <string_view>

namespace arzoo {

/// Whether a CUDA driver is installed, without opening it.
bool has_cuda_driver();

/// Whether the program runs from a package that has LibTorch's CPU libraries only (cmake/Package.cmake).
bool is_cpu_package();

/// Whether `--device device` means a CUDA device: "cuda…", or "auto" where a driver is installed and the
/// program is no CPU package.
bool wants_cuda(std::string_view device);

}  // namespace arzoo
