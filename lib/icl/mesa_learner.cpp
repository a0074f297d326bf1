#include "icl/mesa_learner.h"

#include <torch/torch.h>

namespace arzoo::icl {

MesaLearner::MesaLearner(const MesaTransformerOptions& options, int64_t width)
    : options_(options),
      width_(width),
      hybrid_(options.decoder(width, "softmax", 1)),
      decoder_(options.decoder(width, options.attention, options.num_layers)) {
  if (options.hybrid_first_block) layers_.push_back(layer("hybrid_block/self_attn/", "softmax"));
  for (int64_t i = 0; i < options.num_layers; ++i)
    layers_.push_back(layer(fmt::format("tf_block/blocklist_{}/self_attn/", i), options.attention));
}

MesaLearner::Layer MesaLearner::layer(const std::string& path, const std::string& kind) {
  const int64_t inner = options_.num_heads * options_.key_size;
  const auto kernel = [&](const char* name, int64_t in, int64_t out) {
    return register_parameter(path + name + "/kernel", at::empty({in, out}));
  };
  Layer layer;
  layer.key = kernel("k_proj", width_, inner);
  if (kind == "mesa") layer.lambdas = register_parameter(path + "lambdas", at::empty({options_.num_heads}));
  layer.out = kernel("o_proj", inner, width_);
  layer.query = kernel("q_proj", width_, inner);
  layer.value = kernel("v_proj", width_, inner);
  return layer;
}

void MesaLearner::initialise() {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : named_parameters()) {
    auto value = parameter.value();
    if (parameter.key().ends_with("lambdas")) {
      value.fill_(1.0);
    } else {
      value.normal_(0.0, options_.init_std);
    }
  }
}

nn::DecoderWeights MesaLearner::weights(std::span<const Layer> layers) {
  nn::DecoderWeights weights;
  for (const auto& layer : layers) {
    nn::BlockWeights block;
    block.qkv.weight = at::cat({layer.query, layer.key, layer.value}, 1).t();
    block.projection.weight = layer.out.t();
    block.lambdas = layer.lambdas;
    // What the official mesa layer puts out has its heads closest, coordinate by coordinate.
    if (layer.lambdas.defined()) {
      const int64_t heads = layer.lambdas.size(0), width = layer.out.size(1);
      block.projection.weight = layer.out.view({-1, heads, width}).transpose(0, 1).reshape({-1, width}).t();
    }
    weights.blocks.push_back(std::move(block));
  }
  return weights;
}

at::Tensor MesaLearner::forward(const at::Tensor& tokens, nn::DecoderTrace* trace) const {
  const std::span<const Layer> layers(layers_);
  const std::size_t hybrid = options_.hybrid_first_block ? 1 : 0;
  auto x = tokens;
  if (hybrid > 0) x = hybrid_.forward(x, weights(layers.first(1)), {.trace = trace});
  // The second part begins with what the first ended with.
  if (trace != nullptr && hybrid > 0) trace->hidden.pop_back();
  return decoder_.forward(x, weights(layers.subspan(hybrid)), {.trace = trace});
}

at::Tensor MesaLearner::loss(const at::Tensor& tokens, const at::Tensor& labels) const {
  const auto predicted = forward(tokens).narrow(2, 0, labels.size(2)).to(at::kFloat);
  return (predicted - labels).square().sum() / static_cast<double>(2 * labels.size(0) * labels.size(1));
}

}  // namespace arzoo::icl
