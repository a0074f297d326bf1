#pragma once

#include "nn/linear_layer.h"

namespace arzoo::shape3d {

/// A linear map with bias, registered with `owner` under this name.
std::shared_ptr<nn::LinearLayer> register_linear(torch::nn::Module& owner, const char* name, int64_t in,
                                                 int64_t out);

/// PyTorch's default start of a linear map: uniform within 1 / sqrt(in).
void initialise_default(const nn::LinearLayer& layer);

}  // namespace arzoo::shape3d
