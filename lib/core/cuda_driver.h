#pragma once

#include <string_view>

namespace arzoo {

/// Whether a CUDA driver is installed, without opening it.
bool has_cuda_driver();

/// Whether `--device device` means a CUDA device: "cuda…", or "auto" where a driver is installed.
bool wants_cuda(std::string_view device);

}  // namespace arzoo
