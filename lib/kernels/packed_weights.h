#pragma once

#include <torch/nn/module.h>

/// Weights in the layout that oneDNN computes in: it brings ordinary ones into it at every call, which is
/// most of the work for a few rows.
namespace arzoo::kernels {

/// A layer that can put its weights in order for inference once.
class PackedForInference {
 public:
  virtual ~PackedForInference() = default;
  /// Afterwards the layer serves for inference on a CPU only, and its weights are no longer in the state
  /// dict: their memory was given back.
  virtual void pack() = 0;
  /// The same with linear maps in 8 bits (kernels/int8.h); what a layer cannot hold so stays as it is.
  virtual void pack_int8() {}
};

/// Calls pack() of every layer in the module, of each before those inside it. Nothing happens in a LibTorch
/// without oneDNN.
void pack_for_inference(torch::nn::Module& module);
/// Calls pack_int8() of the module and of every layer in it.
void pack_int8_for_inference(torch::nn::Module& module);

/// Whether weights of this kind can be packed here.
bool can_pack(const at::Tensor& weight);
/// [out, in] packed, to be used by nn::linear.
at::Tensor packed_linear_weight(const at::Tensor& weight);

/// What a convolution does at the border and how far it steps.
struct ConvSteps {
  int64_t stride = 1, padding = 0;
};
/// [out, in, k, k] packed for inputs of this size.
at::Tensor packed_conv_weight(const at::Tensor& weight, const ConvSteps& steps, at::IntArrayRef input_size);
/// The convolution of x, channels-last, with a packed weight.
at::Tensor packed_convolution(const at::Tensor& x, const at::Tensor& packed, const at::Tensor& bias,
                              const ConvSteps& steps);

/// Gives a parameter's memory back; it keeps its type.
void release(const at::Tensor& parameter);

}  // namespace arzoo::kernels
