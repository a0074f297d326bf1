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

std::shared_ptr<kernels::Int8Weights> make_ready(torch::nn::Module& model, torch::nn::Module& tokenizer,
                                                 const runtime::Compute& compute) {
  for (torch::nn::Module* part : {&model, &tokenizer}) {
    part->eval();
    part->to(compute.device);
  }
  const auto int8 = compute.int8 ? std::make_shared<kernels::Int8Weights>(model) : nullptr;
  if (compute.device.is_cpu()) {
    if (!compute.int8) kernels::pack_for_inference(model);
    kernels::pack_for_inference(tokenizer);
  }
  return int8;
}

}  // namespace arzoo::image
