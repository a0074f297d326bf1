#pragma once

#include <torch/nn/module.h>

#include "image/model_folder.h"

namespace arzoo::image {

/// Writes folder.path/config.json (what `folder` says) and model.safetensors, with the official names.
/// `type`: of the floating-point weights in the file; as they are when there is none.
void save_model(const ModelFolder& folder, const torch::nn::Module& model,
                std::optional<at::ScalarType> type = std::nullopt);

}  // namespace arzoo::image
