#pragma once

#include <torch/nn/module.h>

#include <functional>
#include <string>
#include <vector>

#include "core/quantization.h"

/// Weights in the layout that oneDNN computes in: it brings ordinary ones into it at every call, which is
/// most of the work for a few rows.
namespace arzoo::kernels {

/// A layer's weight that can have another form.
struct QuantizableWeight {
  std::string name;   ///< of the parameter, within the layer
  at::Tensor weight;  ///< [out, in], a view
  Quantization form;  ///< which it takes: 8 bits where 4 would harm too much
};

/// A layer that can put its weights in order for inference once.
class PackedForInference {
 public:
  virtual ~PackedForInference() = default;
  /// Afterwards the layer serves for inference on a CPU only, and its weights are no longer in the state
  /// dict: their memory was given back.
  virtual void pack() = 0;
  /// The weights that gain by this form, or nearest to it, and have none yet.
  virtual std::vector<QuantizableWeight> quantizable(Quantization /*form*/) const { return {}; }
  /// Computes on `packed` (kernels::quantized_weight) in place of the weight of this name, one of
  /// quantizable(); what pack() says holds for it.
  virtual void take_packed(const std::string& /*name*/, const at::Tensor& /*packed*/) {}
};

/// Calls pack() of every layer in the module, of each before those inside it. Nothing happens in a LibTorch
/// without oneDNN.
void pack_for_inference(torch::nn::Module& module);
/// Visits the module and every layer in it, each before those inside it, with its name and a dot behind it
/// ("" for the module itself).
void for_each_packed_layer(torch::nn::Module& module,
                           const std::function<void(const std::string& prefix, PackedForInference&)>& visit);
/// Every layer's quantizable() weights take their form.
void pack_quantized_for_inference(torch::nn::Module& module, Quantization form);

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
