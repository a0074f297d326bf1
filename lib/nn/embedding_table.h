#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace torch::nn {
class Module;
}

namespace arzoo::nn {

/// Gives `owner` a module that holds one weight [rows, width], as torch.nn.Embedding does, and returns the
/// weight, not initialised.
at::Tensor register_table(torch::nn::Module& owner, const char* name, int64_t rows, int64_t width);

}  // namespace arzoo::nn
