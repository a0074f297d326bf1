#include "language/ready_model.h"

#include "kernels/packed_weights.h"

namespace arzoo::language {

std::unique_ptr<kernels::Int8Weights> make_ready(torch::nn::Module& model, const runtime::Compute& compute) {
  model.eval();
  if (compute.device.is_cpu() && !compute.int8) kernels::pack_for_inference(model);
  if (!compute.int8) return nullptr;
  kernels::pack_int8_for_inference(model);
  return std::make_unique<kernels::Int8Weights>(model);
}

}  // namespace arzoo::language
