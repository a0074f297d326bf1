#include "image/ready_models.h"

#include <torch/torch.h>

#include "core/error.h"
#include "kernels/packed_weights.h"

namespace arzoo::image {

PictureFacts PictureFacts::of(const ModelFolder& folder, int64_t classes) {
  if (!folder.classes.empty() && static_cast<int64_t>(folder.classes.size()) != classes) {
    fail<CheckpointError>("{}: config.json names {} classes, the model has {}", folder.path.string(),
                          folder.classes.size(), classes);
  }
  return {folder.classes, folder.facts.channels};
}

std::shared_ptr<kernels::QuantizedWeights> make_ready(torch::nn::Module& model, torch::nn::Module& tokenizer,
                                                      const runtime::Compute& compute) {
  for (torch::nn::Module* part : {&model, &tokenizer}) {
    part->eval();
    part->to(compute.device);
  }
  auto quantized = kernels::quantized_weights(model, compute.quantization);
  if (compute.device.is_cpu()) {
    if (!compute.quantizes()) kernels::pack_for_inference(model);
    kernels::pack_for_inference(tokenizer);
  }
  return quantized;
}

}  // namespace arzoo::image
