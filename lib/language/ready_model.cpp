#include "language/ready_model.h"

#include "kernels/packed_weights.h"

namespace arzoo::language {

std::unique_ptr<kernels::QuantizedWeights> make_ready(torch::nn::Module& model,
                                                      const runtime::Compute& compute) {
  model.eval();
  if (compute.quantizes()) {
    kernels::pack_quantized_for_inference(model, compute.quantization);
  } else if (compute.device.is_cpu()) {
    kernels::pack_for_inference(model);
  }
  return kernels::quantized_weights(model, compute.quantization);
}

}  // namespace arzoo::language
