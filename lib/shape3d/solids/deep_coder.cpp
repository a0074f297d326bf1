#include "shape3d/solids/deep_coder.h"

#include <torch/torch.h>

#include <cmath>

namespace arzoo::shape3d {
namespace {

/// x / sqrt(mean over channels of x^2 + eps) * weight + bias.
class ChannelNorm : public torch::nn::Module {
 public:
  explicit ChannelNorm(int64_t channels) {
    weight_ = register_parameter("weight", at::ones({channels}));
    bias_ = register_parameter("bias", at::zeros({channels}));
  }
  at::Tensor forward(const at::Tensor& x) const {
    constexpr double kEps = 1e-5;
    std::vector<int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
    shape[1] = -1;
    const auto scale = at::rsqrt(x.square().mean(1, /*keepdim=*/true) + kEps);
    return x * scale * weight_.view(shape) + bias_.view(shape);
  }

 private:
  at::Tensor weight_, bias_;
};

class DeepResBlock : public torch::nn::Module {
 public:
  DeepResBlock(int64_t axes, int64_t channels)
      : conv1_(register_module("conv1", std::make_shared<DeepConv>(axes, channels, channels))),
        conv2_(register_module("conv2", std::make_shared<DeepConv>(axes, channels, channels, false))),
        norm_(register_module("norm", std::make_shared<ChannelNorm>(channels))) {}
  at::Tensor forward(const at::Tensor& x) const {
    return norm_->forward(conv2_->forward(at::silu(conv1_->forward(x)))) + x;
  }

 private:
  std::shared_ptr<DeepConv> conv1_, conv2_;
  std::shared_ptr<ChannelNorm> norm_;
};

/// Pairs of neighbours become channels: channel c of phase r is 2 c + r; on grids as pixel_unshuffle.
at::Tensor unshuffled(const at::Tensor& x) {
  if (x.dim() == 4) return at::pixel_unshuffle(x, 2);
  return x.unflatten(2, {-1, 2}).transpose(2, 3).flatten(1, 2);
}
at::Tensor shuffled(const at::Tensor& x) {
  if (x.dim() == 4) return at::pixel_shuffle(x, 2);
  return x.unflatten(1, {-1, 2}).transpose(2, 3).flatten(2, 3);
}
/// Means of neighbouring channels, so many of them.
at::Tensor averaged(const at::Tensor& x, int64_t channels) { return x.unflatten(1, {channels, -1}).mean(2); }
at::Tensor repeated(const at::Tensor& x, int64_t channels) {
  return x.repeat_interleave(channels / x.size(1), 1);
}
int64_t phases(int64_t axes) { return axes == 2 ? 4 : 2; }

class DeepDown : public torch::nn::Module {
 public:
  DeepDown(int64_t axes, int64_t in, int64_t out)
      : out_(out), conv_(register_module("conv", std::make_shared<DeepConv>(axes, in, out / phases(axes)))) {}
  at::Tensor forward(const at::Tensor& x) const {
    return unshuffled(conv_->forward(x)) + averaged(unshuffled(x), out_);
  }

 private:
  int64_t out_;
  std::shared_ptr<DeepConv> conv_;
};

class DeepUp : public torch::nn::Module {
 public:
  DeepUp(int64_t axes, int64_t in, int64_t out)
      : wide_(out * phases(axes)),
        conv_(register_module("conv", std::make_shared<DeepConv>(axes, in, wide_))) {}
  at::Tensor forward(const at::Tensor& x) const {
    return shuffled(conv_->forward(x)) + shuffled(repeated(x, wide_));
  }

 private:
  int64_t wide_;
  std::shared_ptr<DeepConv> conv_;
};

/// The blocks of a stage, one after the other.
at::Tensor through(const torch::nn::Module& stage, at::Tensor x) {
  for (const auto& block : stage.children()) {
    if (const auto* res = dynamic_cast<const DeepResBlock*>(block.get())) {
      x = res->forward(x);
    } else if (const auto* down = dynamic_cast<const DeepDown*>(block.get())) {
      x = down->forward(x);
    } else {
      x = dynamic_cast<const DeepUp&>(*block).forward(x);
    }
  }
  return x;
}

}  // namespace

DeepConv::DeepConv(int64_t axes, int64_t in, int64_t out, bool with_bias, int64_t stride) : stride_(stride) {
  std::vector<int64_t> sizes{out, in};
  sizes.resize(static_cast<std::size_t>(2 + axes), 3);
  weight_ = register_parameter("weight", at::empty(sizes));
  if (with_bias) bias_ = register_parameter("bias", at::empty({out}));
  initialise();
}

at::Tensor DeepConv::forward(const at::Tensor& x) const {
  return x.dim() == 4 ? at::conv2d(x, weight_, bias_, stride_, /*padding=*/1)
                      : at::conv1d(x, weight_, bias_, stride_, /*padding=*/1);
}

void DeepConv::initialise() {
  const torch::NoGradGuard no_grad;
  const double reach = 1.0 / std::sqrt(static_cast<double>(weight_[0].numel()));
  weight_.uniform_(-reach, reach);
  if (bias_.defined()) bias_.uniform_(-reach, reach);
}

DeepEncoder::DeepEncoder(const DeepCoderShape& shape) : shape_(shape) {
  const auto& stages = shape.stages;
  conv_in_ =
      register_module("conv_in", std::make_shared<DeepConv>(shape.axes, shape.channels, stages.front()));
  for (std::size_t i = 0; i < stages.size(); ++i) {
    torch::nn::ModuleList stage;
    for (int64_t layer = 0; layer < shape.layers; ++layer)
      stage->push_back(std::make_shared<DeepResBlock>(shape.axes, stages[i]));
    if (i + 1 < stages.size())
      stage->push_back(std::make_shared<DeepDown>(shape.axes, stages[i], stages[i + 1]));
    stages_->push_back(stage);
  }
  register_module("down_blocks", stages_);
  conv_out_ =
      register_module("conv_out", std::make_shared<DeepConv>(shape.axes, stages.back(), shape.latent));
}

at::Tensor DeepEncoder::forward(const at::Tensor& x) const {
  auto hidden = conv_in_->forward(x);
  for (const auto& stage : *stages_) hidden = through(*stage, hidden);
  return conv_out_->forward(hidden) + averaged(hidden, shape_.latent);
}

DeepDecoder::DeepDecoder(const DeepCoderShape& shape) : shape_(shape) {
  const auto& stages = shape.stages;
  conv_in_ = register_module("conv_in", std::make_shared<DeepConv>(shape.axes, shape.latent, stages.back()));
  for (std::size_t i = 0; i < stages.size(); ++i) {
    torch::nn::ModuleList stage;
    if (i + 1 < stages.size())
      stage->push_back(std::make_shared<DeepUp>(shape.axes, stages[i + 1], stages[i]));
    for (int64_t layer = 0; layer < shape.layers; ++layer)
      stage->push_back(std::make_shared<DeepResBlock>(shape.axes, stages[i]));
    stages_->push_back(stage);
  }
  register_module("up_blocks", stages_);
  norm_out_ = register_module("norm_out", std::make_shared<ChannelNorm>(stages.front()));
  conv_out_ =
      register_module("conv_out", std::make_shared<DeepConv>(shape.axes, stages.front(), shape.channels));
}

at::Tensor DeepDecoder::forward(const at::Tensor& x) const {
  auto hidden = conv_in_->forward(x) + repeated(x, shape_.stages.back());
  for (std::size_t i = stages_->size(); i-- > 0;) hidden = through(*stages_->ptr(i), hidden);
  hidden = at::relu(dynamic_cast<const ChannelNorm&>(*norm_out_).forward(hidden));
  return conv_out_->forward(hidden);
}

}  // namespace arzoo::shape3d
