#pragma once

#include "nn/linear_layer.h"

/// How linear maps of diffusion models begin.
namespace arzoo::nn {

/// Xavier's uniform weights (Glorot & Bengio, AISTATS 2010), bias 0.
void initialise_xavier(const LinearLayer& layer);
void initialise_zeros(const LinearLayer& layer);

}  // namespace arzoo::nn
