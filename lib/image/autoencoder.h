#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "image/model_folder.h"
#include "runtime/device.h"

namespace arzoo::image {

/// What is left of images [B, 3, H, W] in [-1, 1] that pass through a tokenizer: the same shape, clamped.
using Reconstruction = std::function<at::Tensor(const at::Tensor& images)>;

/// The tokenizer in a folder, a vqvae, a kl_vae or a llamagen_vq, ready; empty for the folder of another
/// model. Throws CheckpointError, ConfigError.
Reconstruction open_autoencoder(const ModelFolder& folder, const runtime::Compute& compute);

}  // namespace arzoo::image
