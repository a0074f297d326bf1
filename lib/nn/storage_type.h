#pragma once

#include <torch/nn/module.h>

namespace arzoo::nn {

/// Gives each floating-point parameter of the module fresh memory of this type, unless it has it already; to
/// be loaded next. Unlike Module::to nothing is converted, so that weights never exist in two types at once.
void set_storage_type(torch::nn::Module& module, at::ScalarType type);

}  // namespace arzoo::nn
