#include "nn/conv_blocks.h"

#include <torch/torch.h>

#include "kernels/attention.h"
#include "kernels/dropout.h"

namespace arzoo::nn {
namespace {

std::shared_ptr<Conv2d> pointwise(int64_t in, int64_t out) {
  return std::make_shared<Conv2d>(ConvShape{.in = in, .out = out, .kernel = 1, .stride = 1, .padding = 0});
}

/// a + b, in b's place where nothing needs b again.
at::Tensor sum(const at::Tensor& a, at::Tensor b) { return at::GradMode::is_enabled() ? a + b : b.add_(a); }

/// The three taps along `dim` as two, for a pixel that is the first or the second copy of its original.
at::Tensor folded_kernel(const at::Tensor& kernel, int64_t dim, bool second) {
  const auto tap = [&](int64_t i) { return kernel.narrow(dim, i, 1); };
  return second ? at::cat({tap(0) + tap(1), tap(2)}, dim) : at::cat({tap(0), tap(1) + tap(2)}, dim);
}

}  // namespace

std::shared_ptr<Conv2d> convolution3x3(int64_t in, int64_t out) {
  return std::make_shared<Conv2d>(ConvShape{.in = in, .out = out});
}

ResBlock::ResBlock(int64_t in, int64_t out, double dropout) : dropout_(dropout) {
  norm1_ = register_module("norm1", std::make_shared<GroupNorm>(in));
  conv1_ = register_module("conv1", convolution3x3(in, out));
  norm2_ = register_module("norm2", std::make_shared<GroupNorm>(out));
  conv2_ = register_module("conv2", convolution3x3(out, out));
  if (in != out) nin_shortcut_ = register_module("nin_shortcut", pointwise(in, out));
}

at::Tensor ResBlock::forward(const at::Tensor& x) {
  const auto hidden = norm2_->silu(conv1_->forward(norm1_->silu(x)));
  const auto branch = conv2_->forward(kernels::dropout(hidden, dropout_, is_training()));
  return sum(nin_shortcut_ == nullptr ? x : nin_shortcut_->forward(x), branch);
}

AttnBlock::AttnBlock(int64_t channels, bool fused) {
  norm_ = register_module("norm", std::make_shared<GroupNorm>(channels));
  const auto map = [&](const char* name, int64_t out) {
    maps_.push_back(register_module(name, pointwise(channels, out)));
  };
  if (fused) {
    map("qkv", 3 * channels);
  } else {
    for (const char* name : {"q", "k", "v"}) map(name, channels);
  }
  proj_out_ = register_module("proj_out", pointwise(channels, channels));
}

at::Tensor AttnBlock::forward(const at::Tensor& x) {
  const int64_t batch = x.size(0), channels = x.size(1), height = x.size(2), width = x.size(3);
  const auto normed = norm_->forward(x);
  std::vector<at::Tensor> parts;  // [B, 1, H W, C] of q, k and v
  for (const auto& map : maps_) {
    const auto pixels = map->forward(normed).permute({0, 2, 3, 1}).reshape({batch, 1, height * width, -1});
    for (const auto& part : pixels.split(channels, -1)) parts.push_back(part);
  }
  const auto mixed = kernels::attention(parts[0], parts[1], parts[2]);  // [B, 1, H W, C]
  const auto image = mixed.transpose(1, 2).reshape({batch, height, width, channels}).permute({0, 3, 1, 2});
  return sum(x, proj_out_->forward(image));
}

Downsample::Downsample(int64_t channels) {
  conv_ =
      register_module("conv", std::make_shared<Conv2d>(ConvShape{
                                  .in = channels, .out = channels, .kernel = 3, .stride = 2, .padding = 0}));
}

at::Tensor Downsample::forward(const at::Tensor& x) {
  return conv_->forward(at::constant_pad_nd(x, {0, 1, 0, 1}));
}

Upsample::Upsample(int64_t channels) { conv_ = register_module("conv", convolution3x3(channels, channels)); }

void Upsample::pack() {
  const auto& kernel = conv_->weight();
  if (!parities_.empty() || !kernels::can_pack(kernel)) return;
  const int64_t channels = kernel.size(0);
  for (const bool odd_row : {false, true}) {
    for (const bool odd_column : {false, true}) {
      auto parity = std::make_shared<Conv2d>(ConvShape{.in = channels, .out = channels, .kernel = 2});
      const auto folded = folded_kernel(folded_kernel(kernel.to(at::kFloat), 2, odd_row), 3, odd_column);
      parity->weight().set_data(folded.to(kernel.scalar_type()));
      parity->bias().set_data(conv_->bias().detach());
      parity->pack();
      parities_.push_back(std::move(parity));
    }
  }
  kernels::release(kernel);
}

at::Tensor Upsample::by_parity(const at::Tensor& x) const {
  const int64_t height = x.size(2), width = x.size(3);
  auto out =
      at::empty({x.size(0), x.size(1), 2 * height, 2 * width}, x.options(), at::MemoryFormat::ChannelsLast);
  for (int64_t place = 0; place < 4; ++place) {
    const int64_t row = place / 2, column = place % 2;
    // With zeros on both sides there is one row and one column too many: the first for odd places, the last
    // for even ones.
    const auto wider = parities_[place]->forward(x);
    out.slice(2, row, {}, 2)
        .slice(3, column, {}, 2)
        .copy_(wider.narrow(2, row, height).narrow(3, column, width));
  }
  return out;
}

at::Tensor Upsample::forward(const at::Tensor& x) {
  if (!parities_.empty()) return by_parity(x);
  return conv_->forward(at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)}));
}

}  // namespace arzoo::nn
