#pragma once

#include <torch/nn/module.h>

#include "core/config.h"

namespace arzoo::shape3d {

/// Builds what a "model" section describes, with weights as they come. Throws ConfigError for an unknown name
/// or option, and for a model that memory cannot hold.
std::shared_ptr<torch::nn::Module> build(const Config& model);

}  // namespace arzoo::shape3d
