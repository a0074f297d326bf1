#pragma once

#include <torch/nn/module.h>

#include "image/model_folder.h"
#include "kernels/quantized_weights.h"
#include "runtime/device.h"

namespace arzoo::image {

/// A folder's metadata about the pictures: the names of the classes and the channels. Throws CheckpointError
/// unless it names all of the model's classes, or none.
struct PictureFacts {
  std::vector<std::string> class_names = {};
  int64_t channels = 3;

  static PictureFacts of(const ModelFolder& folder, int64_t classes);
};

/// Prepares a generator and its tokenizer for generation: on the device, in evaluation mode, packed on a CPU.
/// Returns the generator's weights in 8 bits where `compute` asks for that, else null.
std::shared_ptr<kernels::QuantizedWeights> make_ready(torch::nn::Module& model, torch::nn::Module& tokenizer,
                                                      const runtime::Compute& compute);

}  // namespace arzoo::image
