#include "icl/garg_gpt2.h"

#include <torch/torch.h>

#include "icl/function_learners.h"
#include "kernels/linear.h"

namespace arzoo::icl {
namespace {

nn::Affine linear_of(torch::nn::Module& owner, const std::string& name, int64_t in, int64_t out) {
  const auto layer = owner.register_module(name, std::make_shared<torch::nn::Module>());
  return {layer->register_parameter("weight", at::empty({out, in})),
          layer->register_parameter("bias", at::empty({out}))};
}

/// PyTorch's default: uniform within 1 / sqrt(fan in).
void sample(const nn::Affine& map) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(map.weight.size(1)));
  map.weight.uniform_(-bound, bound);
  map.bias.uniform_(-bound, bound);
}

}  // namespace

GargGpt2::GargGpt2(const GargGpt2Options& options, int64_t dims, int64_t points) {
  const auto& decoder = options.decoder;
  read_in_ = linear_of(*this, "_read_in", dims, decoder.n_embd);
  backbone_ = register_module(
      "_backbone", std::make_shared<nn::GptBlocks>(decoder, 2 * points, nn::GptBlocks::Layout::input_major));
  read_out_ = linear_of(*this, "_read_out", decoder.n_embd, 1);
}

void GargGpt2::initialise() {
  const torch::NoGradGuard no_grad;
  sample(read_in_);
  backbone_->initialise();
  sample(read_out_);
}

at::Tensor GargGpt2::interleaved(const at::Tensor& xs, const at::Tensor& ys) {
  const auto wide_ys = at::constant_pad_nd(ys.unsqueeze(-1), {0, xs.size(2) - 1});
  return at::stack({xs, wide_ys}, 2).view({xs.size(0), 2 * xs.size(1), xs.size(2)});
}

at::Tensor GargGpt2::embedded(const at::Tensor& tokens) const {
  return kernels::linear(tokens, read_in_.weight, read_in_.bias);
}

at::Tensor GargGpt2::hidden(const at::Tensor& tokens, nn::DecoderTrace* trace) {
  return backbone_->forward(embedded(tokens), {.trace = trace});
}

at::Tensor GargGpt2::predict(const at::Tensor& xs, const at::Tensor& ys) {
  const auto at_xs = hidden(interleaved(xs, ys)).view({xs.size(0), xs.size(1), 2, -1}).select(2, 0);
  return kernels::linear(at_xs, read_out_.weight, read_out_.bias).squeeze(-1).to(at::kFloat);
}

at::Tensor GargGpt2::loss(const at::Tensor& xs, const at::Tensor& ys) {
  return at::mse_loss(predict(xs, ys), ys);
}

std::vector<std::pair<std::string, std::string>> GargGpt2::other_names() const {
  return {{"_backbone.wte.weight", ""}};
}

}  // namespace arzoo::icl
